import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { App } from 'aws-cdk-lib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { aReaper, aStack, SHIPPED_CONTEXT } from './a-reaper.js';

/** What it weighs today, and a little. The SDK is most of it. */
const MAX_BYTES = 400_000;

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

  test('loads by itself, the SDK and the driver included, and exports both functions', async () => {
    const [file = ''] = files;
    expect(await import(pathToFileURL(file).href)).toMatchObject({
      handler: expect.any(Function),
      bootstrap: expect.any(Function),
    });
  });
});
