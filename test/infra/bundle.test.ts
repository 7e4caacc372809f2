import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { App } from 'aws-cdk-lib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildFunctionBundle } from '../../package/function-bundle.js';
import { aReaper, aStack, SHIPPED_CONTEXT } from './a-reaper.js';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));

/** What it weighs today, and a little. The SDK is most of it. */
const MAX_BYTES = 480_000;

describe('the bundle', () => {
  // Far from any node_modules, like in Lambda.
  const outdir = mkdtempSync(join(tmpdir(), 'connection-reaper-'));
  let files: readonly string[] = [];

  beforeAll(() => {
    const app = new App({ outdir, context: SHIPPED_CONTEXT });
    aReaper({}, aStack(app));
    app.synth();
    files = readdirSync(outdir, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.parentPath.includes('asset.'))
      .map(({ parentPath, name }) => join(parentPath, name));
  });

  afterAll(() => rmSync(outdir, { recursive: true }));

  test('is one file', () => {
    expect(files).toEqual([expect.stringMatching(/\/index\.mjs$/)]);
  });

  test(`weighs at most ${MAX_BYTES / 1000} kB`, () => {
    expect(files.map((file) => statSync(file).size)).toEqual([expect.toSatisfy((bytes: number) => bytes <= MAX_BYTES)]);
  });

  test('is the same to the byte whoever builds it, wherever to and from wherever', async () => {
    const elsewhere = join(outdir, 'elsewhere', 'bundle');
    await buildFunctionBundle(elsewhere);
    // What it was written to first is gone.
    expect(readdirSync(join(outdir, 'elsewhere'), { recursive: true })).toEqual([
      'bundle',
      join('bundle', 'index.mjs'),
    ]);

    const command = [join(PROJECT, 'package/bundle.ts')];
    await promisify(execFile)(process.execPath, ['--import', import.meta.resolve('tsx'), ...command], { cwd: outdir });
    const [deployed = ''] = files;
    const code = readFileSync(deployed);
    for (const folder of [elsewhere, join(PROJECT, 'bundle')]) {
      expect(readFileSync(join(folder, 'index.mjs')).equals(code), folder).toBe(true);
    }
  });

  test('is never seen half written while others build it', async () => {
    const folder = join(outdir, 'shared');
    await buildFunctionBundle(folder);
    const file = join(folder, 'index.mjs');
    const { size } = statSync(file);
    const seen = new Set<number>();
    let done = false;
    const building = Promise.all(Array.from({ length: 4 }, () => buildFunctionBundle(folder))).then(() => {
      done = true;
    });
    while (!done) {
      seen.add(readFileSync(file).length);
      await nextTurn();
    }
    await building;
    expect([...seen]).toEqual([size]);
  });

  test('holds no path of the machine that built it', () => {
    const [deployed = ''] = files;
    const code = readFileSync(deployed, 'utf8');
    for (const path of [PROJECT, homedir(), tmpdir(), 'node_modules/']) expect(code).not.toContain(path);
  });

  test('loads by itself, the SDK and the driver included, and exports both functions', async () => {
    const [file = ''] = files;
    expect(await import(pathToFileURL(file).href)).toMatchObject({
      handler: expect.any(Function),
      bootstrap: expect.any(Function),
    });
  });
});
