import { type CertificateExtension, generate, type SubjectAltNameEntry } from 'selfsigned';

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
