import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir, tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  installedApp,
  lockedPeers,
  oldestPeers,
  type PackedLibrary,
  packLibrary,
  sourceApp,
} from '../support/packed-library.js';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));

/** The pages and their picture. */
const DOCS = readdirSync(join(PROJECT, 'docs'))
  .map((name) => `docs/${name}`)
  .toSorted();

/** What it weighs today, and a little. The bundle is most of it, and the pages are an eighth. */
const MAX_BYTES = 260_000;

// Outside of the project, so that nothing of it is found there by chance.
const folder = mkdtempSync(join(tmpdir(), 'library-'));
const apps = { locked: join(folder, 'locked'), oldest: join(folder, 'oldest'), sources: join(folder, 'sources') };
const installed = join(apps.locked, 'node_modules/connection-reaper');
let library: PackedLibrary;

beforeAll(async () => {
  library = await packLibrary(folder);
  await Promise.all([
    installedApp(apps.locked, library.tarball, await lockedPeers()),
    installedApp(apps.oldest, library.tarball, await oldestPeers()),
    sourceApp(apps.sources),
  ]);
}, 300_000);

afterAll(() => rmSync(folder, { recursive: true }));

describe('the package', () => {
  test('holds the compiled construct with its types, the bundle, and what people are sent to, and nothing else', () => {
    const compiled = /^dist\/(infra(\/[a-z-]+)?|lambda\/(contract|input))\/[a-z-]+\.(js|d\.ts)$/;
    expect(library.files.filter((path) => !compiled.test(path)).toSorted()).toEqual([
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'SECURITY.md',
      'dist/THIRD-PARTY-LICENSES.txt',
      'dist/bundle/index.mjs',
      ...DOCS,
      'infra/grants.sql',
      'package.json',
    ]);
    const typed = library.files.filter((path) => path.endsWith('.js')).map((path) => path.replace(/js$/, 'd.ts'));
    expect(typed).toContain('dist/infra/index.d.ts');
    expect(library.files).toEqual(expect.arrayContaining(typed));
  });

  test(`weighs at most ${MAX_BYTES / 1000} kB packed`, () => {
    expect(library.bytes).toBeLessThanOrEqual(MAX_BYTES);
  });

  test('holds no path of the machine that packed it', () => {
    for (const file of filesIn(installed)) {
      const text = readFileSync(file, 'utf8');
      for (const path of [PROJECT, homedir(), tmpdir()]) expect(text, file).not.toContain(path);
    }
  });

  test('brings the licences of what is bundled', () => {
    const licenses = readFileSync(join(installed, 'dist/THIRD-PARTY-LICENSES.txt'), 'utf8');
    expect(licenses).toMatch(/^pg@\d.* \(MIT\)$/m);
    expect(licenses).toMatch(/^@aws-sdk\/client-cloudwatch@\d.* \(Apache-2\.0\)$/m);
  });
});

// Each starts programs that take seconds on their own, and many times that beside others.
describe('an app that installed the package', { timeout: 120_000 }, () => {
  test('synthesizes what the sources synthesize, with neither bundler nor network nor credentials', async () => {
    const [fromPackage, fromSources] = await Promise.all([synth(apps.locked), synthSources()]);
    expect(Object.keys(fromPackage.Resources).length).toBeGreaterThan(50);
    expect(fromPackage).toEqual(fromSources);
    // Their names hold the hashes of their content, and the template holds their names.
    const [bundle = '', ...others] = assetsIn(apps.locked).filter((path) => path.endsWith('/index.mjs'));
    expect(others).toEqual([]);
    expect(assetsIn(apps.sources)).toEqual(assetsIn(apps.locked));
    expect(readFileSync(join(apps.locked, bundle)).equals(readFileSync(join(apps.sources, bundle)))).toBe(true);
  });

  test('synthesizes with the oldest aws-cdk-lib that the package says it takes', async () => {
    const [locked, oldest] = await Promise.all([synth(apps.locked), synth(apps.oldest)]);
    const types = ({ Resources }: Template) => Object.values(Resources).map(({ Type }) => Type);
    expect(types(oldest)).toEqual(types(locked));
  });

  test('may be CommonJS, and then requires it without a warning', async () => {
    const program = ['-p', 'require("connection-reaper").ConnectionReaper.name'];
    const { stdout, stderr } = await promisify(execFile)(process.execPath, program, { cwd: apps.locked });
    expect({ stdout, stderr }).toEqual({ stdout: 'ConnectionReaper\n', stderr: '' });
  });

  describe.each([
    ['of the lock file', apps.locked],
    ['of the oldest version', apps.oldest],
  ])('with the aws-cdk-lib %s', (_, app) => {
    test.each([
      ['strictly', {}, ['*.ts', '*.cts']],
      // CDK's own declarations don't hold with that.
      ['with exact optional properties', { exactOptionalPropertyTypes: true, skipLibCheck: true }, ['*.ts']],
    ])('compiles %s, and not where it must not', async (__, options, include) => {
      expect(await compile(app, options, include)).toBe('');
    });
  });

  test("fails when the function's code is missing, and is told what to do", async () => {
    rmSync(join(apps.oldest, 'node_modules/connection-reaper/dist/bundle'), { recursive: true });
    await expect(synth(apps.oldest)).rejects.toThrow(
      /the code of its function is missing: expected .*node_modules\/connection-reaper\/dist\/bundle\/index\.mjs\. In a clone, `npm run bundle` builds it; an installed package holds it, so install that again\./,
    );
  });
});

interface Template {
  readonly Resources: Readonly<Record<string, { readonly Type: string }>>;
}

/** Runs an app as anybody without AWS would, with the door to everything else locked. */
function synth(app: string): Promise<Template> {
  return runApp(app, { NODE_OPTIONS: `--import=${new URL('sealed.mjs', import.meta.url).href}` });
}

function synthSources(): Promise<Template> {
  return runApp(apps.sources, { NODE_OPTIONS: `--import=${import.meta.resolve('tsx')}` });
}

async function runApp(app: string, environment: Readonly<Record<string, string>>): Promise<Template> {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ['app.mjs'], {
    cwd: app,
    env: { PATH: process.env['PATH'], HOME: folder, CDK_OUTDIR: join(app, 'cdk.out'), ...environment },
  });
  expect(`${stdout}${stderr}`).toBe('');
  return JSON.parse(readFileSync(join(app, 'cdk.out/Shop.template.json'), 'utf8'));
}

function assetsIn(app: string): readonly string[] {
  return filesIn(join(app, 'cdk.out'))
    .map((file) => relative(app, file))
    .filter((path) => path.includes('/asset.'))
    .toSorted();
}

function filesIn(root: string): readonly string[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
}

/** What the compiler complains about, in the package's own declarations too. */
async function compile(app: string, options: object, include: readonly string[]): Promise<string> {
  const compilerOptions = {
    strict: true,
    noEmit: true,
    skipLibCheck: false,
    module: 'NodeNext',
    // Together with its libraries, which CDK's own declarations need.
    target: 'ESNext',
    types: [],
    ...options,
  };
  writeFileSync(join(app, 'tsconfig.json'), JSON.stringify({ compilerOptions, include }));
  const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc');
  return promisify(execFile)(process.execPath, [tsc, '-p', app], { cwd: app }).then(
    ({ stdout }) => stdout,
    ({ stdout }) => stdout,
  );
}
