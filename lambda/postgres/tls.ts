import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import type { Settings } from '../input/settings.js';

/** The file that should hold the authorities to trust is of no use. */
class CaFileError extends Error {
  override readonly name = 'CaFileError';
}

/**
 * Verifies the chain and the host name, always. The trusted authorities are Node's, which in Lambda include Amazon's by
 * NODE_EXTRA_CA_CERTS, unless a file names others.
 *
 * @throws when the file is of no use, with its name
 */
export function tlsOptions(sslMode: Settings['sslMode'], sslRootCert: string | undefined): ConnectionOptions | false {
  if (sslMode === 'disable') return false;
  return { rejectUnauthorized: true, ...(sslRootCert === undefined ? {} : { ca: readAuthorities(sslRootCert) }) };
}

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----/gs;

/** Node takes an empty text for none at all and then trusts its own authorities, and passes over what it can't read. */
function readAuthorities(sslRootCert: string): string[] {
  try {
    const certificates = readFileSync(sslRootCert, 'utf8').match(PEM_CERTIFICATE) ?? [];
    if (certificates.length === 0) throw new Error('it holds no certificate in PEM form');
    for (const certificate of certificates) new X509Certificate(certificate);
    return certificates;
  } catch (cause) {
    throw new CaFileError(`sslRootCert "${sslRootCert}": ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
}

const UNKNOWN_AUTHORITY =
  "no authority that is trusted here signed the server's certificate: set sslRootCert to a PEM file with the one that did";

/** By the codes that Node gives a handshake it refused. @see https://nodejs.org/api/tls.html#x509-certificate-error-codes */
const ADVICE: Readonly<Record<string, string>> = {
  SELF_SIGNED_CERT_IN_CHAIN: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNKNOWN_AUTHORITY,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNKNOWN_AUTHORITY,
  CERT_SIGNATURE_FAILURE: UNKNOWN_AUTHORITY,
  DEPTH_ZERO_SELF_SIGNED_CERT:
    'the server signed its certificate itself: set sslRootCert to a PEM file with this certificate',
  CERT_HAS_EXPIRED:
    "the server's certificate, or one in its chain, has expired: renew it, on RDS by the instance's certificate authority",
  CERT_NOT_YET_VALID: "the server's certificate, or one in its chain, is not valid yet: compare the clocks",
  ERR_TLS_CERT_ALTNAME_INVALID:
    'the certificate is for other names than this host: log in by one of its names, on RDS the endpoint and no alias of it',
};

/** node-postgres gives it no code. */
const NO_TLS = 'The server does not support SSL connections';

/** What to do about a TLS connection that did not come about; `null` when that was not the fault. */
export function tlsAdvice(error: unknown): string | null {
  if (!(error instanceof Error)) return null;
  if (error instanceof CaFileError) {
    return 'name a readable file of the function with the authorities to trust, or leave sslRootCert out to trust the usual ones';
  }
  if (error.message === NO_TLS) {
    return 'turn TLS on at the server (ssl = on), or set sslMode to "disable" where the network is to be trusted';
  }
  return 'code' in error && typeof error.code === 'string' ? (ADVICE[error.code] ?? null) : null;
}
