import { describe, expect, it } from 'vitest';
import { parseCredentials } from '../../lambda/login/credentials.js';

const ARN = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:orders';

const LOGIN = { username: 'u', password: 'p' };

describe('a secret', () => {
  it.each([
    ['of an RDS-managed master user', { username: 'u', password: 'p' }, { username: 'u', password: 'p' }],
    [
      'of the console',
      { engine: 'postgres', host: 'h', username: 'u', password: 'p', dbname: 'd', port: 5433, masterarn: 'arn' },
      {
        username: 'u',
        password: 'p',
        host: 'h',
        port: 5433,
        dbname: 'd',
        others: { engine: 'postgres', masterarn: 'arn' },
      },
    ],
    [
      'with its port as text',
      { username: 'u', password: 'p', host: 'h', port: '5432', dbInstanceIdentifier: 'x' },
      { username: 'u', password: 'p', host: 'h', port: 5432, others: { dbInstanceIdentifier: 'x' } },
    ],
    [
      "with Terraform's endpoint",
      { username: 'u', password: 'p', host: 'h:5433' },
      { ...LOGIN, host: 'h', port: 5433 },
    ],
    [
      'with the same port twice',
      { username: 'u', password: 'p', host: 'h:5433', port: 5433 },
      { ...LOGIN, host: 'h', port: 5433 },
    ],
    [
      'with a dot behind the host',
      { username: 'u', password: 'p', host: 'h.example.' },
      { ...LOGIN, host: 'h.example' },
    ],
    ['with an IPv6 address', { username: 'u', password: 'p', host: '2001:db8::1' }, { ...LOGIN, host: '2001:db8::1' }],
    ['with an empty database name', { username: 'u', password: 'p', dbname: '' }, LOGIN],
  ])('%s is read', (_, secret, want) => {
    expect(parseCredentials(ARN, JSON.stringify(secret))).toEqual(want);
    expect(parseCredentials(ARN, JSON.stringify(JSON.stringify(secret)))).toEqual(want);
  });

  it.each([
    ['is binary', undefined, 'expected a SecretString'],
    ['is not JSON', 'hunter2', 'expected JSON, got text that is not'],
    ['is a list', '["hunter2"]', 'expected a JSON object with username and password, got a list'],
    ['is text', '"hunter2"', 'expected a JSON object with username and password, got a string'],
    ['is a number', '84312957', 'expected a JSON object with username and password, got a number'],
    ['is true', 'true', 'expected a JSON object with username and password, got a boolean'],
    ['is JSON in JSON that is cut', '"{\\"password\\":\\"hunter2\\""', 'expected JSON, got text that is not'],
    [
      'names two ports',
      '{"username":"u","password":"hunter2","host":"h:5433","port":5432}',
      'host: expected the port that the key port has, or none',
    ],
    [
      'holds lists',
      '{"username":["hunter2"],"password":{"hunter2":1}}',
      'username: expected the name to log in with\n- password: expected the password',
    ],
    [
      'has an invalid host',
      '{"username":"u","password":"p","host":84312957,"dbname":["hunter2"]}',
      'host: expected a host name\n- dbname: expected a database name',
    ],
    ['has no password', '{"username":"hunter2"}', 'password: missing'],
    ['has an empty password', '{"username":"hunter2","password":""}', 'password: expected the password'],
    [
      'spells its keys otherwise',
      '{"Username":"hunter2","Password":"hunter2"}',
      'username: missing\n- password: missing',
    ],
    ['has a port out of range', '{"username":"u","password":"hunter2","port":"99999"}', 'port: expected a port from 1'],
    ['has an invalid port', '{"username":"u","password":"hunter2","port":"hunter2"}', 'port: expected a port'],
  ])('fails when it %s, and is not quoted', (_, text, fault) => {
    const parse = () => parseCredentials(ARN, text);
    expect(parse).toThrow(`secret ${ARN} can't be used:\n- ${fault}`);
    expect(parse).not.toThrow(/hunter2|84312957/);
  });
});
