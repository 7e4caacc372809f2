import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createHttpServer, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { type AwsStandIn, startAwsStandIn } from '../../demo/aws-stand-in.js';
import { secretsManager } from '../../lambda/aws/clients.js';
import { logTo } from '../../lambda/aws/log.js';
import { seriesKeeper } from '../../lambda/aws/series-memory.js';
import { bootstrap } from '../../lambda/bootstrap-handler.js';
import { ADMIN_SECRET_VARIABLE, SETTINGS_VARIABLE } from '../../lambda/contract/names.js';
import { RunError } from '../../lambda/handler.js';
import { parseSettings, type SettingsInput } from '../../lambda/input/settings.js';
import { describeFailure } from '../../lambda/login/login-failure.js';
import { loginsOf } from '../../lambda/login/logins.js';
import { lookKeeper, run } from '../../lambda/run.js';
import { loginOf, PASSWORD, startDatabase, type TestDatabase } from '../support/database.js';
import { SECRET_ARN } from '../support/deployed.js';

const ADMIN_ARN = 'arn:aws:secretsmanager:us-east-1:123456789012:secret:admin-AbCdEf';

let database: TestDatabase;
let aws: AwsStandIn;

beforeAll(async () => {
  [database, aws] = await Promise.all([startDatabase(), startAwsStandIn()]);
});

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

afterAll(async () => {
  await aws?.stop();
  await database?.[Symbol.asyncDispose]();
});

/** A text that is nowhere else. */
const canary = () => `C${randomBytes(12).toString('hex')}`;

/** What a person may put into a field: a password, an address, what a tool exported. */
const FORMS: Readonly<Record<string, (text: string) => string>> = {
  plain: (text) => text,
  'a URL': (text) => `postgres://app:${text}@db.example/orders?sslmode=${text}`,
  JSON: (text) => JSON.stringify({ password: text, [text]: [text] }),
  'longer than a name': (text) => text.repeat(8),
  'very long': (text) => text.repeat(150),
  'quotes and backslashes': (text) => `"${text}'s \\${text}"`,
  'lines and tabs': (text) => `${text}\n\t${text}\r\n`,
  'percent signs': (text) => `%s%20${text}%`,
  'other alphabets': (text) => `pässwörd-${text}-🐘`,
  'half a character': (text) => `\ud83d${text}`,
  'the path of a socket': (text) => `/${text}`,
};
const FORM_NAMES = Object.keys(FORMS);

/** Texts of secrets that hold no login, or hold it in a wrong way. */
function unusable(text: string): readonly string[] {
  const number = 8_431_295_700_000_000 + Math.floor(Math.random() * 1e9);
  return [
    text,
    `postgres://app:${text}@db/orders`,
    `{"username": "${text}", "password": "${text}`,
    ...[text, number, [text], [[{ [text]: text }]], { [text]: text }, `{"username":"a","password":"${text}"`].map(
      (json) => JSON.stringify(json),
    ),
    ...[
      { username: text },
      { password: text },
      { username: [text], password: { [text]: number } },
      { username: number, password: number },
      { username: text, password: text, port: text },
      { username: text, password: text, port: number },
      { username: text, password: text, host: number },
      { username: text, password: text, dbname: { [text]: text } },
      { Username: text, Password: text, 'user name': text },
    ].map((json) => JSON.stringify(json)),
    `{"__proto__": {"username": "${text}", "password": "${text}"}}`,
  ];
}

/** Whether 8 characters in a row of what a secret holds, whatever their case, are in what came out. */
function expectNoPartOf(secret: string, ...told: readonly unknown[]): void {
  const text = told.map(everythingIn).join('\n').toLowerCase();
  expect(text).not.toBe('');
  const hidden = [...secret.matchAll(/[cC][0-9a-f]{24}|\d{16}/g)].map(([found]) => found.toLowerCase());
  expect(hidden).not.toEqual([]);
  for (const value of new Set(hidden)) {
    for (let at = 0; at + 8 <= value.length; at += 1) {
      const piece = value.slice(at, at + 8);
      if (text.includes(piece)) expect.fail(`${piece} of the secret is in: ${text}`);
    }
  }
}

/** Of an error all that Lambda or a logger could find: also what is not enumerable. */
function everythingIn(told: unknown): string {
  if (!(told instanceof Error)) return typeof told === 'string' ? told : JSON.stringify(told);
  return `${told.message}\n${told.stack}\n${JSON.stringify({ ...told })}\n${inspect(told, { depth: 10, showHidden: true })}`;
}

/** A run of the function with a secret: its log, its answer, and the error it would end with. */
async function runWith(
  secret: string,
  settings: Partial<SettingsInput> = {},
  endpoint = aws.endpoint,
): Promise<{ readonly told: readonly unknown[]; readonly errors: string }> {
  aws.setSecret(SECRET_ARN, secret);
  const lines: string[] = [];
  const parsed = parseSettings(
    JSON.stringify({ databaseLabel: 'orders', secretArn: SECRET_ARN, sslMode: 'disable', ...settings }),
  );
  const client = secretsManager({ ...aws.clientConfig, endpoint });
  const log = logTo({ write: (line) => lines.push(line) });
  const publish = async () => ({ requests: 0, datapoints: 0, via: 'none', error: null }) as const;
  const surroundings = {
    logins: loginsOf(parsed, () => client),
    publish,
    series: seriesKeeper(null, log),
    looks: lookKeeper(),
    log,
  };
  const answer = await run(parsed, { action: 'sweep' }, surroundings, 20_000);
  expect(answer.errors).not.toEqual([]);
  return { told: [lines.join(''), answer, new RunError(answer)], errors: answer.errors.join('\n') };
}

const address = () => ({ host: database.server.host, port: database.server.port });
const there = () => ({ instances: [{ name: 'writer', ...address() }] });
const valid = () => ({ ...loginOf(), ...address(), dbname: 'postgres' });

describe('the function tells nothing of a secret', () => {
  it('that holds no login', async () => {
    for (const secret of unusable(canary())) {
      const { told, errors } = await runWith(secret);
      expectNoPartOf(secret, ...told);
      expect(errors).toContain(SECRET_ARN);
    }
  });

  it.each(FORM_NAMES)(
    'whose user, password or database the server refuses: %s',
    async (form) => {
      for (const key of ['username', 'password', 'dbname']) {
        const extra = FORMS[form]?.(canary());
        const secret = JSON.stringify({ ...valid(), [key]: FORMS[form]?.(canary()), extra, nested: { deep: [extra] } });
        for (const settings of [{}, there()]) {
          const { told, errors } = await runWith(secret, settings);
          expectNoPartOf(secret, ...told);
          expect(errors).toContain(SECRET_ARN);
        }
      }
    },
    60_000,
  );

  it.each(FORM_NAMES)(
    'whose host is invalid or unreachable: %s',
    async (form) => {
      const secret = JSON.stringify({ ...valid(), host: FORMS[form]?.(canary()), port: 1 });
      expectNoPartOf(secret, ...(await runWith(secret)).told);
      const login = JSON.stringify({ ...valid(), username: FORMS[form]?.(canary()), password: canary() });
      const { told, errors } = await runWith(login, { instances: [{ name: 'gone', host: '127.0.0.1', port: 1 }] });
      expectNoPartOf(login, ...told);
      expect(errors).toContain('at 127.0.0.1:1 as the user in the secret arn:');
      expect(errors).toContain('connect ECONNREFUSED 127.0.0.1:1;');
    },
    60_000,
  );

  it('to a server without TLS', async () => {
    const secret = JSON.stringify({ ...valid(), username: canary(), password: canary(), dbname: canary() });
    const { told, errors } = await runWith(secret, { sslMode: 'verify-full' });
    expectNoPartOf(secret, ...told);
    expect(errors).toContain('turn TLS on at the server');
  });

  it('to what answers in place of PostgreSQL, and says all it was told', async () => {
    const pooler = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', (startup) => {
        const message = `no such user: ${startup.subarray(8).toString().replaceAll('\0', ' ')}`;
        const fields = Buffer.from(`SFATAL\0C08P01\0M${message}\0D${message}\0\0`);
        const head = Buffer.from('E\0\0\0\0');
        head.writeInt32BE(fields.length + 4, 1);
        socket.end(Buffer.concat([head, fields]));
      });
    }).listen(0, '127.0.0.1');
    await once(pooler, 'listening');
    const { port } = pooler.address() as AddressInfo;
    for (const form of FORM_NAMES) {
      const [username, dbname] = [FORMS[form]?.(canary()), FORMS[form]?.(canary())];
      const secret = JSON.stringify({ ...valid(), username, dbname, port });
      const { told, errors } = await runWith(secret);
      expectNoPartOf(secret, ...told);
      expect(errors).toContain('this looks like a pooler');
    }
    pooler.close();
  });

  it.each(['denied', 'throttle', 'error500'] as const)('that Secrets Manager does not give: %s', async (failure) => {
    aws.fail('GetSecretValue', failure);
    const secret = JSON.stringify({ ...valid(), password: canary() });
    const { told } = await runWith(secret);
    aws.fail('GetSecretValue', undefined);
    expectNoPartOf(secret, ...told);
  });

  const JSON_TYPE = { 'content-type': 'application/x-amz-json-1.1' };
  const REQUEST_ID = { 'x-amzn-requestid': '1' };

  it.each<[string, (response: ServerResponse, secret: string) => void]>([
    [
      'cut',
      (response, secret) => response.writeHead(200, { ...JSON_TYPE, ...REQUEST_ID }).end(`{"SecretString":"${secret}`),
    ],
    ['not JSON', (response, secret) => response.writeHead(200, REQUEST_ID).end(secret)],
    ['not JSON, with an error', (response, secret) => response.writeHead(403, REQUEST_ID).end(`<p>${secret}</p>`)],
    [
      'of a proxy that quotes it',
      (response, secret) =>
        response.writeHead(403, JSON_TYPE).end(JSON.stringify({ __type: 'AccessDeniedException', message: secret })),
    ],
    [
      'of AWS with the request as it was signed',
      (response, secret) =>
        response.writeHead(403, { ...JSON_TYPE, ...REQUEST_ID }).end(
          JSON.stringify({
            __type: 'InvalidSignatureException',
            message: `The request signature does not match.\n\nThe Canonical String was\nx-amz-security-token:${secret}`,
          }),
        ),
    ],
  ])('in an answer that is %s', async (_, respond) => {
    const token = canary();
    const proxy = createHttpServer((_request, response) => respond(response, token)).listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    const { told, errors } = await runWith('{}', {}, `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`);
    proxy.close();
    expectNoPartOf(token, ...told);
    expect(errors).toMatch(
      /HTTP (200|403), and not by AWS|InvalidSignatureException: The request signature does not match\.; the function's role/,
    );
  });
});

it('a certificate for other names is told without the host in the secret', () => {
  const host = `${canary()}.Example`;
  const cause = checkServerIdentity(host, {
    subject: { CN: 'x' },
    subjectaltname: 'DNS:y',
  } as unknown as PeerCertificate);
  const credentials = { username: canary(), password: canary(), host };
  const text = describeFailure(
    'own',
    {
      inSettings: database.target({ name: 'primary', address: null, sslMode: 'verify-full' }),
      own: { secretArn: SECRET_ARN, hidden: credentials },
    },
    { credentials, secretArn: SECRET_ARN, byToken: false, cause, refusal: null },
  );
  expectNoPartOf(JSON.stringify(credentials), text);
  expect(text).toContain(
    'at the host in the secret arn:aws:secretsmanager:us-east-1:123456789012:secret:orders-AbCdEf as the user in the secret arn:aws:secretsmanager:us-east-1:123456789012:secret:orders-AbCdEf: ',
  );
  expect(text).toMatch(/Host: <host in the secret>\. is not in the cert's altnames: DNS:y;/);
});

it('a refused token is told without a part of it', async () => {
  vi.stubEnv('AWS_REGION', 'us-east-1');
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIDEXAMPLE');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', canary());
  const session = canary();
  vi.stubEnv('AWS_SESSION_TOKEN', session);
  const iam = {
    secretArn: undefined,
    iamAuthentication: true,
    reaperRole: 'connection_reaper',
    sslMode: 'verify-full',
    ...there(),
  } as const;
  const { told, errors } = await runWith('{}', iam);
  expectNoPartOf(session, ...told);
  expect(errors).toContain('as connection_reaper: ');
  expect(everythingIn(told)).not.toMatch(/X-Amz/);
});

describe('the bootstrap tells nothing of a secret', () => {
  /** What it logs, and the error it fails the deployment with. */
  async function bootstrapWith(admin: string, own: string, settings: Partial<SettingsInput> = {}) {
    aws.setSecret(ADMIN_ARN, admin);
    aws.setSecret(SECRET_ARN, own);
    const all = { databaseLabel: 'orders', secretArn: SECRET_ARN, sslMode: 'disable', ...there(), ...settings };
    vi.stubEnv(SETTINGS_VARIABLE, JSON.stringify(all));
    vi.stubEnv(ADMIN_SECRET_VARIABLE, ADMIN_ARN);
    vi.stubEnv('AWS_ENDPOINT_URL', aws.endpoint);
    vi.stubEnv('AWS_REGION', 'us-east-1');
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIDEXAMPLE');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'example');
    const written: string[] = [];
    const keep = (chunk: unknown) => written.push(String(chunk)) > 0;
    const out = vi.spyOn(process.stdout, 'write').mockImplementation(keep);
    const err = vi.spyOn(process.stderr, 'write').mockImplementation(keep);
    const error: unknown = await bootstrap({}, { getRemainingTimeInMillis: () => 20_000 }).catch((cause) => cause);
    out.mockRestore();
    err.mockRestore();
    if (!(error instanceof Error)) throw new Error('the bootstrap did not fail');
    return { told: [written.join(''), error], message: error.message };
  }

  const admin = () => {
    const { user: username, password } = database.server.superuser;
    return JSON.stringify({ username, password });
  };
  const own = JSON.stringify({ username: 'connection_reaper', password: PASSWORD });

  it('that holds no login', async () => {
    for (const secret of unusable(canary())) {
      expectNoPartOf(secret, ...(await bootstrapWith(secret, own)).told);
      expectNoPartOf(secret, ...(await bootstrapWith(admin(), secret)).told);
    }
  }, 60_000);

  it.each(FORM_NAMES)(
    'that does not do what it is for: %s',
    async (form) => {
      const text = FORMS[form]?.(canary());
      for (const wrong of [{ username: text }, { password: text }]) {
        const secret = JSON.stringify({ ...valid(), ...wrong });
        const { told, message } = await bootstrapWith(secret, own);
        expectNoPartOf(secret, ...told);
        expect(message).toContain(ADMIN_ARN);
      }
      // An admin that may not make a role, and a role that cannot be the reaper's.
      const checkout = JSON.stringify({ username: 'checkout', password: PASSWORD });
      const role = JSON.stringify({ username: text, password: canary() });
      expectNoPartOf(role, ...(await bootstrapWith(checkout, role)).told);
    },
    60_000,
  );

  it('whose password it cannot set', async () => {
    const secret = JSON.stringify({ username: 'connection_reaper', password: `ä${canary()}` });
    expectNoPartOf(secret, ...(await bootstrapWith(admin(), secret)).told);
  });
});
