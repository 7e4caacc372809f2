import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Metafile } from 'esbuild';

/** Those that let their code be passed on inside ours, as long as their text goes with it. */
const ALLOWED: readonly string[] = ['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', 'MIT'];

const LICENSE_FILE = /^(licen[cs]e|copying|notice)\b/i;

/** Where some packages have theirs instead. */
const README_SECTION = /^#+ *licen[cs]e\s*\n+([^#].*)$/ims;

interface ThirdParty {
  /** Name and version, as npm writes them. */
  readonly id: string;
  /** The SPDX identifier. */
  readonly license: string;
  readonly text: string | undefined;
}

/**
 * The licences of all packages whose code is in a bundle, as a text to ship beside it. Packages with the same text share it.
 *
 * @param metafile esbuild's account of the bundle, with paths relative to `project`
 * @param project holds `node_modules`, and in `LICENSE` the text of Apache-2.0
 * @throws with every package whose licence isn't known to allow this, or whose text isn't found
 */
export async function thirdPartyLicenses(metafile: Metafile, project: string): Promise<string> {
  const apache = termsOf(await readFile(join(project, 'LICENSE'), 'utf8'));
  const folders = packagesIn(metafile).map((folder) => join(project, folder));
  const packages = await Promise.all(folders.map((folder) => readThirdParty(folder, apache)));
  const faults = packages.flatMap(faultsOf);
  if (faults.length > 0)
    throw new Error(`The bundle can't be passed on:\n${faults.map((line) => `- ${line}`).join('\n')}`);

  const byText = new Map<string, string[]>();
  for (const { id, license, text = '' } of packages.toSorted((a, b) => a.id.localeCompare(b.id, 'en'))) {
    byText.set(text, [...(byText.get(text) ?? []), `${id} (${license})`]);
  }
  const sections = [...byText].map(([text, ids]) => `${ids.join('\n')}\n\n${text}\n`);
  return ['bundle/index.mjs holds code of these packages.\n', ...sections].join(`\n${'-'.repeat(80)}\n\n`);
}

/** Folders of packages, without those of which nothing was left after tree shaking. */
function packagesIn({ outputs }: Metafile): readonly string[] {
  const used = Object.values(outputs).flatMap(({ inputs }) =>
    Object.entries(inputs).flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? [path] : [])),
  );
  const folders = used.flatMap((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path) ?? []);
  return [...new Set(folders)];
}

async function readThirdParty(folder: string, apache: string): Promise<ThirdParty> {
  const { name, version, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  const files = (await readdir(folder)).toSorted();
  const read = async (file: string) => tidy(await readFile(join(folder, file), 'utf8'));
  const texts = await Promise.all(files.filter((file) => LICENSE_FILE.test(file)).map(read));
  const readmes = await Promise.all(files.filter((file) => /^readme\b/i.test(file)).map(read));
  const [, section] = README_SECTION.exec(readmes.join('\n')) ?? [];
  // It reads the same whoever grants it. MIT, ISC and BSD don't: they name the holder of the copyright.
  const known = license === 'Apache-2.0' ? apache : undefined;
  return {
    id: `${name}@${version}`,
    license: `${license}`,
    text: texts.length > 0 ? texts.join('\n\n') : (section ?? known),
  };
}

function faultsOf({ id, license, text }: ThirdParty): readonly string[] {
  return [
    ...(ALLOWED.includes(license) ? [] : [`${id}: expected a license of ${ALLOWED.join(', ')}, got ${license}`]),
    ...(text === undefined
      ? [`${id}: expected a file with its license, or a section in its README, found neither`]
      : []),
  ];
}

/** Without the appendix, which names us. */
function termsOf(apache: string): string {
  return tidy(apache.replace(/(?<=END OF TERMS AND CONDITIONS\n).*/s, ''));
}

function tidy(text: string): string {
  return text
    .replaceAll('\r\n', '\n')
    .replace(/^\s*\n/, '')
    .trimEnd();
}
