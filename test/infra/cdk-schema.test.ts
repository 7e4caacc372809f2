import { readFileSync } from 'node:fs';
import { Validator } from '@cfworker/json-schema';
import { expect, test } from 'vitest';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

const SCHEMA = JSON.parse(read('infra/cdk-json/cdk.schema.json'));
const CDK_JSON = JSON.parse(read('cdk.json'));
const { orders: ORDERS } = CDK_JSON.context.databases;

test('is the one that cdk.json names', () => {
  expect(CDK_JSON.$schema).toBe('./infra/cdk-json/cdk.schema.json');
});

test('says of every key what it means', () => {
  const entry = SCHEMA.properties.context.properties.databases.additionalProperties;
  for (const [key, { description }] of Object.entries<{ description?: string }>(entry.properties)) {
    expect(description, `${key} has a row in a table of docs/settings.md`).toBeDefined();
  }
  // A rule has a key of the same name, with another meaning.
  expect(entry.properties.idleTimeout.description).toMatch(/\(default: `5m`\)$/);
});

test.each<[string, unknown]>([
  ['what ships', ORDERS],
  ['an alarm that is left out', { ...ORDERS, alarms: { RoleNearLimit: false } }],
  ['an alarm that differs', { ...ORDERS, alarms: { SlotsNearlyFull: { threshold: 60, period: '5m' } } }],
])('takes %s', (_, entry) => {
  expect(errorsOf(entry)).toEqual([]);
});

test.each<[string, unknown]>([
  ['an unknown key', { ...ORDERS, idletimeout: '5m' }],
  ['no VPC', { ...ORDERS, vpc: undefined }],
  ['a duration without a unit', { ...ORDERS, idleTimeout: '5' }],
  ['a mode that there is not', { ...ORDERS, mode: 'watch' }],
  ['a number out of its range', { ...ORDERS, maxApplications: 0 }],
  ['an unknown alarm', { ...ORDERS, alarms: { RoleNearLimits: false } }],
  ['a threshold beyond the whole', { ...ORDERS, alarms: { RoleNearLimit: { threshold: 101 } } }],
])('refuses %s', (_, entry) => {
  expect(errorsOf(entry)).not.toEqual([]);
});

test.each([
  ['takes what ships', ORDERS, 0],
  ['refuses what that of cdk.json refuses', { ...ORDERS, mode: 'watch' }, 1],
])('the schema of databases.json %s', (_, orders, least) => {
  const validator = new Validator(JSON.parse(read('infra/cdk-json/databases.schema.json')), '7');
  validator.addSchema(SCHEMA, 'cdk.schema.json');
  const { errors } = validator.validate({ $schema: './infra/cdk-json/databases.schema.json', orders });
  expect(Math.min(errors.length, 1)).toBe(least);
});

function errorsOf(entry: unknown): readonly string[] {
  const document = JSON.parse(JSON.stringify({ ...CDK_JSON, context: { databases: { orders: entry } } }));
  return new Validator(SCHEMA, '7').validate(document).errors.map(({ error }) => error);
}
