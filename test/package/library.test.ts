import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CdkTemplate, compile, runJest, synth, toolOf } from '../support/cdk-app.js';
import {
  installedApp,
  installTools,
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
const MAX_BYTES = 305_000;

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
    installTools(folder),
    sourceApp(apps.sources),
  ]);
}, 600_000);

afterAll(() => rmSync(folder, { recursive: true }));

describe('the package', () => {
  test('holds the compiled construct with its types, the bundle, and what people are sent to, and nothing else', () => {
    const compiled = /^dist\/(infra(\/[a-z-]+)?|lambda\/(contract|input))\/[a-z-]+\.(js|d\.ts)$/;
    expect(library.files.filter((path) => !compiled.test(path)).toSorted()).toEqual([
      'CHANGELOG.md',
      'CONTRIBUTING.md',
      'LICENSE',
      'README.md',
      'SECURITY.md',
      'dist/THIRD-PARTY-LICENSES.txt',
      'dist/bundle/index.mjs',
      'dist/infra/functions/bundle-folder.cjs',
      'dist/infra/functions/bundle-folder.d.cts',
      'dist/package.json',
      ...DOCS,
      'infra/cdk-json/cdk.schema.json',
      'infra/cdk-json/databases.schema.json',
      'infra/connection-reaper-props.ts',
      'infra/cost/prices.ts',
      'infra/grants.sql',
      'package.json',
    ]);
    const typed = library.files.filter((path) => path.endsWith('.js')).map((path) => path.replace(/js$/, 'd.ts'));
    expect(typed).toContain('dist/infra/index.d.ts');
    expect(library.files).toEqual(expect.arrayContaining(typed));
  });

  test('holds every file that its Markdown files link to', () => {
    const linked = library.files.filter((path) => path.endsWith('.md')).flatMap(linksIn);
    expect(linked).toContain('docs/runbook.md');
    expect(linked.filter((path) => !library.files.includes(path))).toEqual([]);
  });

  test('runs no script when it is installed from a registry or a tarball', () => {
    const { scripts } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
    expect(Object.keys(scripts).filter((name) => /^(pre|post)?install$/.test(name))).toEqual([]);
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

const VERSIONS = [
  ['of the lock file', apps.locked],
  ['of the oldest version', apps.oldest],
] as const;

const STRICT = {
  strict: true,
  noEmit: true,
  module: 'NodeNext',
  // Together with its libraries, which CDK's own declarations need.
  target: 'ESNext',
  types: [],
};

// Each starts programs that take seconds on their own, and many times that beside others.
describe('an app that installed the package', { timeout: 300_000 }, () => {
  test('synthesizes what the sources synthesize, with neither bundler nor network nor credentials', async () => {
    const fromPackage = await synthOnce(apps.locked);
    const fromSources = await synth(apps.sources, `--import=${import.meta.resolve('tsx')}`, 'app.mjs');
    expect(Object.keys(fromPackage.Resources).length).toBeGreaterThan(50);
    expect(fromPackage).toEqual(fromSources);
    // Their names hold the hashes of their content, and the template holds their names.
    const [bundle = '', ...others] = assetsIn(apps.locked).filter((path) => path.endsWith('/index.mjs'));
    expect(others).toEqual([]);
    expect(assetsIn(apps.sources)).toEqual(assetsIn(apps.locked));
    expect(readFileSync(join(apps.locked, bundle)).equals(readFileSync(join(apps.sources, bundle)))).toBe(true);
  });

  test('synthesizes the same resources with the oldest aws-cdk-lib that the package supports', async () => {
    const types = ({ Resources }: CdkTemplate) => Object.values(Resources).map(({ Type }) => Type);
    expect(types(await synthOnce(apps.oldest))).toEqual(types(await synthOnce(apps.locked)));
  });

  describe.each(VERSIONS)('with the aws-cdk-lib %s', (_, app) => {
    test.each([
      ['as ES modules and CommonJS', {}, ['*.ts', '*.cts']],
      // CDK's own declarations don't hold with that.
      ['with exact optional properties', { exactOptionalPropertyTypes: true, skipLibCheck: true }, ['*.ts']],
      ['for Node.js 16', { module: 'Node16' }, ['*.ts', '*.cts']],
    ])('compiles %s, and not where it must not', async (__, options, include) => {
      expect(await compile(app, { ...STRICT, ...options }, include)).toBe('');
    });

    test('works as an ES module under tsx', async () => {
      const plain = await synthOnce(app);
      expect(await synth(app, `--import=${tsxOf(app)}`, 'app.mjs')).toEqual(plain);
    });

    test('works in JavaScript: Node.js and Jest', async () => {
      const example = join(app, 'javascript');
      expectReaper(await synth(example, 'bin/shop.js'));
      await expectTestsToPass(example);
    });

    test('works in TypeScript as `cdk init` makes it today: tsx, and Jest with SWC', async () => {
      const example = join(app, 'typescript');
      expectReaper(await synth(example, `--import=${tsxOf(app)}`, 'bin/shop.ts'));
      await expectTestsToPass(example);
      const options = { ...STRICT, types: ['jest', 'node'], isolatedModules: true };
      expect(await compile(example, options, ['bin', 'lib', 'test'])).toBe('');
    });
  });

  // As `cdk init` made them for years; the older ones with an older aws-cdk-lib.
  test.each([
    ['NodeNext', apps.locked, { module: 'NodeNext', target: 'ES2022' }],
    ['CommonJS', apps.oldest, { module: 'CommonJS', target: 'ES2020', lib: ['es2020', 'dom'] }],
  ])('works in TypeScript with ts-node and ts-jest: %s', async (_, app, options) => {
    const example = join(app, 'older-typescript');
    cpSync(join(app, 'typescript'), example, { recursive: true });
    const compilerOptions = {
      ...options,
      strict: true,
      declaration: true,
      inlineSourceMap: true,
      isolatedModules: true,
    };
    writeFileSync(join(example, 'tsconfig.json'), JSON.stringify({ compilerOptions, exclude: ['node_modules'] }));
    const jest = { testEnvironment: 'node', roots: ['<rootDir>/test'], transform: { '^.+\\.tsx?$': 'ts-jest' } };
    writeFileSync(join(example, 'jest.config.js'), `module.exports = ${JSON.stringify(jest)};`);

    expectReaper(await synth(example, toolOf(app, 'ts-node/dist/bin.js'), '--prefer-ts-exts', 'bin/shop.ts'));
    await expectTestsToPass(example);
  });

  test("fails when the function's code is missing, and is told what to do", async () => {
    rmSync(join(apps.oldest, 'node_modules/connection-reaper/dist/bundle'), { recursive: true });
    await expect(synth(apps.oldest, 'app.mjs')).rejects.toThrow(
      /the code of its function is missing: expected .*node_modules\/connection-reaper\/dist\/bundle\/index\.mjs\. In a clone, `npm run bundle` builds it; an installed package holds it, so install that again\./,
    );
  });
});

const synthesized = new Map<string, Promise<CdkTemplate>>();

/** An app's plain synth, which takes seconds and which several tests compare with. */
function synthOnce(app: string): Promise<CdkTemplate> {
  const template = synthesized.get(app) ?? synth(app, 'app.mjs');
  synthesized.set(app, template);
  return template;
}

/** The examples begin with a preview. */
function expectReaper({ Resources }: CdkTemplate): void {
  const all = Object.values(Resources);
  expect(all.filter(({ Type }) => Type === 'AWS::Scheduler::Schedule')).toHaveLength(1);
  expect(JSON.stringify(all.filter(({ Type }) => Type === 'AWS::Lambda::Function'))).toContain('preview');
}

async function expectTestsToPass(app: string): Promise<void> {
  const { stdout, stderr } = await runJest(app);
  expect(stdout).toBe('');
  expect(stderr).toMatch(/^Tests: +1 passed, 1 total$/m);
  expect(stderr).not.toMatch(/warn/i);
}

function tsxOf(app: string): string {
  return pathToFileURL(toolOf(app, 'tsx/dist/loader.mjs')).href;
}

/** The relative links of a packed file, as paths inside of the package. */
function linksIn(path: string): readonly string[] {
  const text = readFileSync(join(installed, path), 'utf8').replaceAll(/^```.*?^```/gms, '');
  return [...text.matchAll(/\]\(([^)\s#]+)/g)]
    .flatMap(([, target = '']) => (/^[a-z]+:/.test(target) ? [] : [join(dirname(path), target)]))
    .map((target) => target.replace(/\/$/, ''));
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
