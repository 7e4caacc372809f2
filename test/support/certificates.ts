import { chmodSync, chownSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CertificateExtension, generate, type SubjectAltNameEntry } from 'selfsigned';
import { serverAccount } from '../../demo/postgres-binaries.js';

/** A certificate and its private key, as PEM. */
export interface Issued {
  readonly cert: string;
  readonly key: string;
}

/** Names of the server that every test starts. */
export const LOCALHOST: readonly SubjectAltNameEntry[] = [
  { type: 2, value: 'localhost' },
  { type: 7, ip: '127.0.0.1' },
];

/**
 * Puts a server's certificate into a folder that the server may pass through.
 *
 * @returns the settings that name it.
 */
export function installCertificate(folder: string, { cert, key }: Issued): Readonly<Record<string, string | boolean>> {
  const [certFile, keyFile] = [join(folder, 'server.crt'), join(folder, 'server.key')];
  writeFileSync(certFile, cert);
  writeFileSync(keyFile, key);
  // The server may run as another account, and takes no key that others may read.
  const account = serverAccount();
  if (account) chownSync(keyFile, account.uid, account.gid);
  chmodSync(keyFile, 0o600);
  return { ssl: true, ssl_cert_file: certFile, ssl_key_file: keyFile };
}

const DAY_MS = 86_400_000;

/** A certificate authority. */
export function anAuthority(commonName: string): Promise<Issued> {
  return issue(commonName, [
    { name: 'basicConstraints', cA: true, critical: true },
    { name: 'keyUsage', keyCertSign: true, critical: true },
  ]);
}

/** A certificate for localhost that no authority vouches for. */
export function selfSigned(): Promise<Issued> {
  return issue('localhost', [{ name: 'subjectAltName', altNames: [...LOCALHOST] }]);
}

/** A server's certificate, a week old. */
export function aCertificateBy(authority: Issued, altNames = LOCALHOST, validDays = 8): Promise<Issued> {
  return issue('database', [{ name: 'subjectAltName', altNames: [...altNames] }], { authority, validDays });
}

async function issue(
  commonName: string,
  extensions: CertificateExtension[],
  { authority, validDays = 8 }: { readonly authority?: Issued; readonly validDays?: number } = {},
): Promise<Issued> {
  const notBefore = Date.now() - 7 * DAY_MS;
  const { cert, private: key } = await generate([{ name: 'commonName', value: commonName }], {
    keyType: 'ec',
    algorithm: 'sha256',
    notBeforeDate: new Date(notBefore),
    notAfterDate: new Date(notBefore + validDays * DAY_MS),
    extensions,
    ...(authority === undefined ? {} : { ca: authority }),
  });
  return { cert, key };
}
