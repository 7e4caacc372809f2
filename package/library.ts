/**
 * Makes `dist/`, the part of the npm package that is not in the sources: the construct as CommonJS with its types, the
 * code of the functions, and the licences of the packages in it. npm runs this (`prepare`) after an install in a clone,
 * before it packs or publishes, and when somebody installs the package from a git URL.
 *
 * CommonJS alone, because every app can load it: ES modules import it by name, and Jest cannot `require` an ES module.
 */
import { execFileSync } from 'node:child_process';
import { chmod, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildFunctionBundle } from './function-bundle.js';
import { thirdPartyLicenses } from './third-party-licenses.js';

const PROJECT = fileURLToPath(new URL('..', import.meta.url));
const DIST = join(PROJECT, 'dist');

// Made aside, so that nothing of an earlier one stays in it, and nothing of a broken one gets there.
const unfinished = await mkdtemp(`${DIST}.unfinished-`);
try {
  await compile(unfinished);
  // The package.json of the project says that its sources are ES modules.
  await writeFile(join(unfinished, 'package.json'), `${JSON.stringify({ type: 'commonjs' })}\n`);
  const metafile = await buildFunctionBundle(join(unfinished, 'bundle'));
  await writeFile(join(unfinished, 'THIRD-PARTY-LICENSES.txt'), await thirdPartyLicenses(metafile, PROJECT));
  // Made for its maker alone, which is how mkdtemp makes it.
  await chmod(unfinished, 0o755);
  await rm(DIST, { recursive: true, force: true });
  await rename(unfinished, DIST);
} catch (error) {
  await rm(unfinished, { recursive: true, force: true });
  throw error;
}

async function compile(outDir: string): Promise<void> {
  const manifest = createRequire(import.meta.url).resolve('typescript/package.json');
  const { bin } = JSON.parse(await readFile(manifest, 'utf8'));
  const tsc = join(dirname(manifest), bin.tsc);
  // Its complaints go to stderr, since stdout is npm's, which may be writing JSON.
  execFileSync(process.execPath, [tsc, '-p', 'tsconfig.build.json', '--outDir', outDir], {
    cwd: PROJECT,
    stdio: ['ignore', 2, 2],
  });
}
