import { type ExecFileException, execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { login } from '../../lambda/login/login.js';
import type { LoginTarget } from '../../lambda/login/login-target.js';
import {
  aCertificateBy,
  anAuthority,
  type Issued,
  installCertificate,
  LOCALHOST,
  selfSigned,
} from '../support/certificates.js';
import { PASSWORD, sourcesOf, startDatabase, type TestDatabase, until } from '../support/database.js';

let folder: string;
let database: TestDatabase;
let authority: Issued;
let stranger: Issued;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tls-test-'));
  // The server may run as another account, which has to pass through.
  chmodSync(folder, 0o711);
  [authority, stranger] = await Promise.all([anAuthority('Ours'), anAuthority('Theirs')]);
  write('ours.pem', authority.cert);
  write('theirs.pem', stranger.cert);
  write('both.pem', `The old one and the new one:\n${stranger.cert}\n${authority.cert}`);
  database = await startDatabase(installCertificate(folder, await aCertificateBy(authority)));
});

afterAll(async () => {
  await database?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

function write(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

/** Lets the running server show another certificate. */
async function show(certificate: Issued): Promise<void> {
  installCertificate(folder, certificate);
  const reloads = async () => (await database.server.logText()).split('received SIGHUP').length;
  const before = await reloads();
  await database.admin.query('select pg_reload_conf()');
  // The same process takes the next connection, after it has read the files.
  await until(async () => (await reloads()) > before);
}

function target(
  host: string,
  sslRootCert: string | undefined,
  sslMode: LoginTarget['sslMode'] = 'verify-full',
): LoginTarget {
  return database.target({ address: { host, port: database.server.port }, sslMode, sslRootCert });
}

/** Whether the session that came about is encrypted. */
async function logIn(
  host: string,
  sslRootCert: string | undefined,
  sslMode?: LoginTarget['sslMode'],
): Promise<unknown> {
  const { session, close } = await login(target(host, sslRootCert, sslMode), sourcesOf(), new AbortController().signal);
  try {
    const [row] = (await session.query('select ssl from pg_stat_ssl where pid = pg_backend_pid()')) as {
      ssl: boolean;
    }[];
    return row?.ssl;
  } finally {
    await close();
  }
}

const inFolder = (name: string) => join(folder, name);
const failedAt = (host: string) =>
  `could not log in to "primary" at ${host}:${database.server.port} as connection_reaper: `;

describe('a server whose certificate is from its own authority', () => {
  it.each(['localhost', '127.0.0.1'])(
    'is logged in to as %s, encrypted, when sslRootCert names the authority',
    async (host) => {
      await show(await aCertificateBy(authority));
      expect(await logIn(host, inFolder('ours.pem'))).toBe(true);
      expect(await logIn(host, inFolder('both.pem'))).toBe(true);
    },
  );

  it.each([
    ['localhost', { type: 7, ip: '127.0.0.1' }],
    ['127.0.0.1', { type: 2, value: 'localhost' }],
    ['localhost', { type: 2, value: 'db.example.com' }],
  ] as const)('is refused as %s when the certificate is for %j', async (host, name) => {
    await show(await aCertificateBy(authority, [name]));
    await expect(logIn(host, inFolder('ours.pem'))).rejects.toThrow(
      new RegExp(`^${failedAt(host)}.*does not match certificate's altnames.*; .*log in by one of its names`),
    );
  });

  it('is rejected when only other authorities are trusted', async () => {
    await show(await aCertificateBy(authority));
    for (const sslRootCert of [inFolder('theirs.pem'), write('usual.pem', rootCertificates.join('\n')), undefined]) {
      await expect(logIn('localhost', sslRootCert)).rejects.toThrow(
        `${failedAt('localhost')}unable to verify the first certificate; no authority that is trusted here signed`,
      );
    }
  });

  it('is rejected when it also sends that authority', async () => {
    const certificate = await aCertificateBy(authority);
    await show({ ...certificate, cert: `${certificate.cert}\n${authority.cert}` });
    await expect(logIn('localhost', undefined)).rejects.toThrow(
      `${failedAt('localhost')}self-signed certificate in certificate chain; no authority that is trusted here signed`,
    );
    expect(await logIn('localhost', inFolder('ours.pem'))).toBe(true);
  });

  it('is refused once the certificate has expired', async () => {
    await show(await aCertificateBy(authority, LOCALHOST, 6));
    await expect(logIn('localhost', inFolder('ours.pem'))).rejects.toThrow(
      `${failedAt('localhost')}certificate has expired; the server's certificate, or one in its chain, has expired: renew it`,
    );
  });

  it('is trusted by NODE_EXTRA_CA_CERTS as well, which is how Lambda brings the authorities of RDS', async () => {
    await show(await aCertificateBy(authority));
    const sweep = async (environment: Readonly<Record<string, string>>) => {
      const url = `postgres://connection_reaper:${PASSWORD}@localhost:${database.server.port}/postgres`;
      const options = { env: { ...process.env, ...environment } };
      try {
        return await promisify(execFile)(process.execPath, ['--import', 'tsx', 'demo/sweep.ts', '--url', url], options);
      } catch (error) {
        return error as ExecFileException;
      }
    };
    expect((await sweep({ NODE_EXTRA_CA_CERTS: inFolder('ours.pem') })).stdout).toContain('primary · PostgreSQL');
    expect((await sweep({ NODE_EXTRA_CA_CERTS: inFolder('theirs.pem') })).stdout).toContain(
      'set sslRootCert to a PEM file',
    );
  });
});

describe('a server with a self-signed certificate', () => {
  it('is refused unless sslRootCert holds that certificate', async () => {
    const itself = await selfSigned();
    await show(itself);
    await expect(logIn('localhost', inFolder('ours.pem'))).rejects.toThrow(
      `${failedAt('localhost')}self-signed certificate; the server signed its certificate itself: set sslRootCert`,
    );
    expect(await logIn('localhost', write('itself.pem', itself.cert))).toBe(true);
  });
});

describe('an unusable sslRootCert', () => {
  it.each([
    ['is missing', () => inFolder('missing.pem'), 'ENOENT: no such file or directory'],
    ['is a folder', () => folder, 'EISDIR: illegal operation on a directory'],
    // For which Node would trust its own authorities, or none.
    ['is empty', () => write('empty.pem', ''), 'it holds no certificate in PEM form'],
    ['is a key', () => write('key.pem', authority.key), 'it holds no certificate in PEM form'],
    ['is cut', () => write('cut.pem', authority.cert.replace(/^(.*\n.*\n).*\n/, '$1')), 'error:'],
  ])('is named when it %s', async (_, sslRootCert, reason) => {
    const file = sslRootCert();
    const error = await logIn('localhost', file).catch((cause: unknown) => cause);
    expect(error).toMatchObject({ name: 'LoginError' });
    expect(String(error)).toContain(`${failedAt('localhost')}sslRootCert "${file}": ${reason}`);
    expect(String(error)).toContain('; name a readable file of the function');
  });
});

describe('a login without encryption', () => {
  it('fails with what to do when the server demands TLS', async () => {
    await show(await aCertificateBy(authority));
    const { rows } = await database.admin.query<{ file: string; rules: string }>(
      "select setting as file, pg_read_file(setting) as rules from pg_settings where name = 'hba_file'",
    );
    for (const { file, rules } of rows) {
      writeFileSync(file, `hostnossl all connection_reaper all reject\n${rules}`);
    }
    await show(await aCertificateBy(authority));
    expect(await logIn('localhost', inFolder('ours.pem'))).toBe(true);
    await expect(logIn('localhost', undefined, 'disable')).rejects.toThrow(
      /: 28000: .*; no line of pg_hba\.conf lets this role .*, or leave out sslMode: "disable" where the server demands TLS$/,
    );
  });
});
