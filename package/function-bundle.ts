import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, build, type Metafile, type Plugin } from 'esbuild';

/** The folder next to `infra/` from which the construct takes the function's code. */
const BUNDLE_FOLDER = inProject('bundle');

/** The SDK's clients tell AWS their version and import a whole package.json for it: 2 kB each, most of it npm scripts. */
const VERSIONS_ALONE: Plugin = {
  name: 'versions-alone',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]@aws-sdk[\\/][^\\/]+[\\/]package\.json$/ }, async ({ path }) => {
      const { version } = JSON.parse(await readFile(path, 'utf8'));
      return { contents: JSON.stringify({ version }), loader: 'json' };
    });
  },
};

/** Statements without comments and indentation, which no minifier takes out of strings. */
const PLAIN_STATEMENTS: Plugin = {
  name: 'plain-statements',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]postgres[\\/]sql[\\/][^\\/]+\.ts$/ }, async ({ path }) => {
      const text = await readFile(path, 'utf8');
      return { contents: text.replaceAll(/^ *-- .*\n/gm, '').replaceAll(/^ +/gm, ' '), loader: 'ts' };
    });
  },
};

/** One file, all of it ours: the SDK of the runtime changes without notice, and takes longer to load. */
const OPTIONS = {
  entryPoints: ['lambda/handler.ts'],
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  mainFields: ['module', 'main'],
  minify: true,
  external: [
    // `pg` asks for it, and does without.
    'pg-native',
    // A quarter of the bundle, loaded only where the environment holds no credentials. A function's always does.
    '@aws-sdk/credential-provider-http',
    '@aws-sdk/credential-provider-ini',
    '@aws-sdk/credential-provider-process',
    '@aws-sdk/credential-provider-sso',
    '@aws-sdk/credential-provider-web-identity',
    '@smithy/credential-provider-imds',
  ],
  // `pg` is CommonJS and requires modules of Node.js.
  banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  plugins: [VERSIONS_ALONE, PLAIN_STATEMENTS],
  logLevel: 'error',
  // Whoever calls and from wherever: the same bytes, on which the name of the asset depends.
  absWorkingDir: inProject('.'),
  metafile: true,
  write: false,
} as const satisfies BuildOptions;

/**
 * Builds `index.mjs`, the one file of the deployed functions, into a folder. That takes a third of a second, so whoever
 * is about to test, deploy or pack it builds it anew.
 *
 * It takes its place as a whole: others may read or build it at the same time.
 *
 * @returns what went into it, and how many bytes of each
 */
export async function buildFunctionBundle(folder = BUNDLE_FOLDER): Promise<Metafile> {
  const { outputFiles, metafile } = await build({ ...OPTIONS, outfile: join(folder, 'index.mjs') });
  await mkdir(folder, { recursive: true });
  // Beside the folder and not in it, since all that is in it gets deployed.
  const unfinished = await mkdtemp(`${folder}.unfinished-`);
  try {
    for (const { path, contents } of outputFiles) {
      const file = join(unfinished, basename(path));
      await writeFile(file, contents);
      await rename(file, path);
    }
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
  return metafile;
}

function inProject(path: string): string {
  return fileURLToPath(new URL(`../${path}`, import.meta.url));
}
