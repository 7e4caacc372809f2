import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Metafile } from 'esbuild';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { thirdPartyLicenses } from '../../package/third-party-licenses.js';

let project: string;

beforeEach(() => {
  project = mkdtempSync(join(tmpdir(), 'licenses-'));
  write('LICENSE', 'Apache terms\nEND OF TERMS AND CONDITIONS\n\nCopyright: us');
});
afterEach(() => rmSync(project, { recursive: true }));

function write(path: string, text: string): void {
  const file = join(project, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

/** Installs a package with these files beside its package.json, and says where its code is. */
function install(name: string, license: string | undefined, files: Record<string, string> = {}): string {
  const folder = `node_modules/${name}`;
  write(
    `${folder}/package.json`,
    JSON.stringify({ name: name.replace(/^.*node_modules\//, ''), version: '1.2.3', license }),
  );
  for (const [file, text] of Object.entries(files)) write(`${folder}/${file}`, text);
  return `${folder}/dist/index.js`;
}

/** What esbuild tells of a bundle that holds some bytes of each of these files. */
function bundleOf(paths: readonly string[], bytesInOutput = 10): Metafile {
  const inputs = Object.fromEntries(paths.map((path) => [path, { bytesInOutput }]));
  return { inputs: {}, outputs: { 'index.mjs': { bytes: 0, imports: [], exports: [], inputs } } };
}

function licenses(...paths: string[]): Promise<string> {
  return thirdPartyLicenses(bundleOf(paths), project);
}

describe('the licences of what is bundled', () => {
  test('name every package with version, licence and the text in its files, whatever those are called', async () => {
    const text = await licenses(
      install('@scope/one', 'MIT', { 'LICENSE.md': 'the text of one\r\n' }),
      install('two', 'ISC', { 'license-ISC': 'the text of two', NOTICE: 'a notice of two', 'index.js': 'code' }),
    );
    expect(text.split(/\n-{80}\n\n/)).toEqual([
      'bundle/index.mjs holds code of these packages.\n',
      '@scope/one@1.2.3 (MIT)\n\nthe text of one\n',
      'two@1.2.3 (ISC)\n\na notice of two\n\nthe text of two\n',
    ]);
  });

  test('say a text once for all packages that share it', async () => {
    const text = await licenses(
      install('b', 'MIT', { LICENSE: 'shared' }),
      install('a', 'MIT', { licence: 'shared\n' }),
    );
    expect(text).toContain('a@1.2.3 (MIT)\nb@1.2.3 (MIT)\n\nshared\n');
  });

  test('hold those of a package inside of a package, and not our own files', async () => {
    const inner = install('outer/node_modules/inner', 'MIT', { LICENSE: 'inner' });
    const text = await licenses(inner, 'lambda/handler.ts');
    expect(text).toContain('inner@1.2.3');
    expect(text).not.toContain('outer@');
  });

  test('leave out a package of which tree shaking left nothing', async () => {
    const path = install('shaken', 'GPL-3.0');
    expect(await thirdPartyLicenses(bundleOf([path], 0), project)).not.toContain('shaken');
  });

  test('are taken from the section in the README where there is no file', async () => {
    const path = install('readme', 'MIT', { 'README.md': '# Readme\n\nHow to.\n\n## License\n\nCopyright: them\n' });
    expect(await licenses(path)).toMatch(/readme@1\.2\.3 \(MIT\)\n\nCopyright: them\n$/);
  });

  test('are the terms alone where a package under Apache-2.0 has no file: the holder named in ours is us', async () => {
    const text = await licenses(install('silent', 'Apache-2.0'));
    expect(text).toMatch(/silent@1\.2\.3 \(Apache-2\.0\)\n\nApache terms\nEND OF TERMS AND CONDITIONS\n$/);
  });

  test('fails when texts are missing or licences are not known to allow it, and names all of them', async () => {
    const bundled = licenses(
      install('silent', 'MIT', { 'README.md': 'No word about it.' }),
      install('copyleft', 'GPL-3.0', { COPYING: 'GPL' }),
      install('unknown', undefined),
    );
    await expect(bundled).rejects.toThrow(
      /^The bundle can't be passed on:\n- silent@1\.2\.3: expected a file with its license, .*\n- copyleft@1\.2\.3: expected a license of 0BSD, .*, got GPL-3\.0\n- unknown@1\.2\.3: .*, got undefined\n- unknown@1\.2\.3: expected a file/,
    );
  });
});
