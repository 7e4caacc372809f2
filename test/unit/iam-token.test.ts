import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { tokenCredentials } from '../../lambda/login/iam-token.js';

const ADDRESS = { host: 'orders.abc.eu-west-1.rds.amazonaws.com', port: 5433 };

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2026, 0, 31, 23, 59, 59) });
  vi.stubEnv('AWS_REGION', 'eu-west-1');
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIDEXAMPLE');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'never told');
  vi.stubEnv('AWS_SESSION_TOKEN', 'session/token');
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllEnvs();
});

async function read(username = 'connection_reaper', address = ADDRESS) {
  const { password, ...rest } = await tokenCredentials(username, address).read();
  const { host, pathname, searchParams } = new URL(`https://${password}`);
  return { ...rest, password, at: `${host}${pathname}`, query: Object.fromEntries(searchParams) };
}

it('is a presigned request to connect as this role to this endpoint, by the credentials of the function', async () => {
  const token = await read();
  expect(token).toMatchObject({ username: 'connection_reaper', at: `${ADDRESS.host}:5433/` });
  expect(token.query).toEqual({
    Action: 'connect',
    DBUser: 'connection_reaper',
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Credential': 'AKIDEXAMPLE/20260131/eu-west-1/rds-db/aws4_request',
    'X-Amz-Date': '20260131T235959Z',
    'X-Amz-Expires': '900',
    'X-Amz-SignedHeaders': 'host',
    'X-Amz-Security-Token': 'session/token',
    'X-Amz-Signature': expect.stringMatching(/^[0-9a-f]{64}$/),
  });
  expect(token.password).not.toContain('never');
});

it('takes the role by its name as it is', async () => {
  expect((await read('Rëaper & Co')).query['DBUser']).toBe('Rëaper & Co');
});

it('is good for this role at this endpoint alone', async () => {
  const signatures = [
    await read(),
    await read('another'),
    await read('connection_reaper', { ...ADDRESS, host: `reader-${ADDRESS.host}` }),
    await read('connection_reaper', { ...ADDRESS, port: 5432 }),
  ].map(({ query }) => query['X-Amz-Signature']);
  expect(new Set(signatures).size).toBe(4);
});

it('is new for each attempt, so it is never too old', async () => {
  const source = tokenCredentials('connection_reaper', ADDRESS);
  const first = await source.read();
  vi.advanceTimersByTime(15 * 60_000);
  const second = await source.read();
  expect(second.password).toContain('X-Amz-Date=20260201T001459Z');
  expect(first.password).not.toBe(second.password);
});

it.each([
  ['AWS_REGION', /Region is missing/],
  ['AWS_SECRET_ACCESS_KEY', /credentials/],
])('fails without %s, and says what it takes', async (variable, reason) => {
  vi.stubEnv(variable, undefined);
  // Not by the ~/.aws of whoever runs this, nor by asking the metadata of a machine.
  vi.stubEnv('HOME', '/nonexistent');
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
  const failure = await read().catch((error: unknown) => error);
  expect(String(failure)).toMatch(
    /^Error: could not sign a login token for connection_reaper at orders\.abc\.eu-west-1\.rds\.amazonaws\.com:5433: .*; it takes the region/,
  );
  expect(String(failure)).toMatch(reason);
});
