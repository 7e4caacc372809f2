import { describe, expect, it } from 'vitest';
import { faultText, InputError } from '../../lambda/input/faults.js';
import { instanceNames, parseSettings } from '../../lambda/input/settings.js';

const least = { databaseLabel: 'orders', secretArn: 'arn' };

function faultsOf(settings: unknown): readonly string[] {
  try {
    parseSettings(JSON.stringify(settings));
  } catch (error) {
    if (error instanceof InputError) return error.faults.map(faultText);
    throw error;
  }
  return [];
}

describe('settings', () => {
  it('fill in the defaults and turn durations into seconds', () => {
    expect(parseSettings(JSON.stringify(least))).toEqual({
      ...least,
      sslMode: 'verify-full',
      reap: 'idle',
      statements: 'redacted',
      rescueLogin: 'off',
      mode: 'enforce',
      idleTimeout: 300,
      pressure: [],
      keepPerApplication: 0,
      rules: [],
      roleLimits: {},
      terminateAboveRoleLimit: false,
      maxApplications: 20,
      applicationNames: [],
      metricsVia: 'api',
      iamAuthentication: false,
      reaperRole: 'connection_reaper',
    });
    const { idleTimeout, rules } = parseSettings(
      JSON.stringify({ ...least, idleTimeout: '90s', rules: [{ role: 'x', idleTimeout: '2h' }] }),
    );
    expect([idleTimeout, rules[0]?.idleTimeout]).toEqual([90, 7200]);
  });

  it('name the instances that have metrics', () => {
    expect(instanceNames({})).toEqual(['primary']);
    const instances = [
      { name: 'writer', host: 'w', port: 5432 },
      { name: 'reader', host: 'r', port: 5432 },
    ];
    expect(instanceNames({ instances })).toEqual(['writer', 'reader']);
  });

  it('report every fault at once, each with its path, its value and what is allowed', () => {
    expect(
      faultsOf({
        databaseLabel: 'two words',
        idleTimeout: '5',
        mode: 'dry',
        rules: [
          { application: 'a', spare: true },
          { aplication: 'b', spare: true },
        ],
        roleLimits: { checkout: -1 },
        unheardOf: 1,
        another: 2,
      }),
    ).toEqual([
      'databaseLabel: expected a name of 1 to 64 letters, digits, ".", "_" or "-", got "two words"',
      'mode: expected "enforce" or "preview", got "dry"',
      'idleTimeout: expected a duration such as "90s", "5m" or "1h", got "5"',
      'rules.1.aplication: unknown key, did you mean application?',
      'roleLimits.checkout: expected a whole number from 0 to 262143, got -1',
      expect.stringMatching(/^unheardOf: unknown key, expected one of the keys databaseLabel, secretArn, /),
      expect.stringMatching(/^another: unknown key, /),
      'secretArn: expected the ARN or name of a secret, or iamAuthentication: true, got nothing',
    ]);
  });

  it.each([
    ['a fraction', { maxApplications: 1.5 }],
    ['a number as text', { keepPerApplication: '1' }],
    ['too many applications', { maxApplications: 101 }],
    ['a cap of nothing', { maxTerminationsPerRun: 0 }],
    ['no instance', { instances: [] }],
    [
      'two instances of one name',
      {
        instances: [
          { name: 'a', host: 'x' },
          { name: 'a', host: 'y' },
        ],
      },
    ],
    ['a port out of range', { instances: [{ name: 'a', host: 'x', port: 65_536 }] }],
    ['a rule that means everybody by leaving its matchers out', { rules: [{ idleTimeout: '1s' }] }],
    ['a rule that says nothing', { rules: [{ application: 'x' }] }],
    ['a rule that spares and does not', { rules: [{ application: 'x', spare: false }] }],
    ['a rule that spares and ends', { rules: [{ application: 'x', spare: true, terminateStateful: true }] }],
    ['a rule that spares and has a threshold', { rules: [{ application: 'x', spare: true, idleTimeout: '1m' }] }],
    ['an invalid CIDR block', { rules: [{ address: '10.0.0.0/33', spare: true }] }],
    ['an empty glob', { rules: [{ application: '', spare: true }] }],
    ['a role name over 63 bytes', { roleLimits: { ['ü'.repeat(32)]: 1 } }],
    ['an authority with disabled TLS', { sslMode: 'disable', sslRootCert: '/x.pem' }],
    ['the name of the sum', { applicationNames: [{ match: 'a', name: '(other)' }] }],
    ['a name that CloudWatch refuses', { applicationNames: [{ match: 'a', name: 'zażółć' }] }],
    ['a blank name', { applicationNames: [{ match: 'a', name: '  ' }] }],
    ['an idle time of nothing', { idleTimeout: '0s' }],
    ['a tier that is as patient as the rest', { pressure: [{ usedPercent: 80, idleTimeout: '5m' }] }],
    [
      'a fuller tier that is more patient',
      {
        pressure: [
          { usedPercent: 90, idleTimeout: '2m' },
          { usedPercent: 80, idleTimeout: '1m' },
        ],
      },
    ],
    [
      'a tier twice',
      {
        pressure: [
          { usedPercent: 90, idleTimeout: '2m' },
          { usedPercent: 90, idleTimeout: '1m' },
        ],
      },
    ],
    ['terminateAboveRoleLimit without a limit', { terminateAboveRoleLimit: true }],
    ['an unknown rescue login', { rescueLogin: 'superuser' }],
    ['an unknown way to publish', { metricsVia: 'both' }],
  ])('fail when there is %s', (_, fault) => {
    const faults = faultsOf({ ...least, ...fault });
    expect(faults).toHaveLength(1);
    expect(faults[0]).not.toMatch(/Invalid/);
  });

  it.each(['__proto__', 'constructor', 'prototype'])('know a role by the name %s, and no setting', (name) => {
    const own = JSON.parse(`{"${name}": 5}`);
    const { roleLimits } = parseSettings(JSON.stringify({ ...least, roleLimits: own }));
    expect(Object.entries(roleLimits)).toEqual([[name, 5]]);
    const faults = faultsOf({
      ...least,
      ...own,
      instances: [{ name: 'a', host: 'b', ...own }],
      rules: [{ application: 'a', spare: true, ...own }],
      roleLimits: JSON.parse(`{"${name}": "5"}`),
    });
    expect(faults).toEqual([
      expect.stringMatching(`^instances\\.0\\.${name}: unknown key`),
      expect.stringMatching(`^rules\\.0\\.${name}: unknown key`),
      expect.stringMatching(`^roleLimits\\.${name}: expected a whole number .*, got "5"$`),
      expect.stringMatching(`^${name}: unknown key`),
    ]);
  });

  it('name an impossible role name, and not its limit', () => {
    expect(faultsOf({ ...least, roleLimits: { '': 5 } })).toEqual([
      'roleLimits.: expected a name of 1 to 63 bytes, got ""',
    ]);
    expect(faultsOf({ ...least, roleLimits: [5] })).toEqual([
      'roleLimits: expected an object of role names and their limits, got [5]',
    ]);
  });

  it('take a login by token in place of a secret, where the instances are named', () => {
    const instances = [{ name: 'writer', host: 'orders.abc.eu-west-1.rds.amazonaws.com', port: 5432 }];
    expect(
      parseSettings(
        JSON.stringify({ databaseLabel: 'orders', iamAuthentication: true, reaperRole: 'reaper', instances }),
      ),
    ).toMatchObject({
      iamAuthentication: true,
      reaperRole: 'reaper',
      instances,
    });
    expect(faultsOf({ ...least, iamAuthentication: true, reaperRole: 'reaper', instances })).toEqual([
      'iamAuthentication: expected false with secretArn, because a role logs in either by token or by password, got true',
    ]);
    expect(
      faultsOf({ databaseLabel: 'orders', iamAuthentication: true, reaperRole: 'reaper', sslMode: 'disable' }),
    ).toEqual([
      'instances: expected instances with iamAuthentication, because no secret names the host, got nothing',
      'sslMode: expected "verify-full" with iamAuthentication, because RDS accepts tokens only over TLS, got "disable"',
    ]);
    expect(
      faultsOf({ databaseLabel: 'orders', iamAuthentication: true, reaperRole: 'x'.repeat(64), instances }),
    ).toEqual([expect.stringMatching(/^reaperRole: expected a role name of 1 to 57 small letters, /)]);
  });

  it.each([[undefined], [''], ['{'], ['[]'], ['null']])('fail when the variable holds %j', (json) => {
    expect(() => parseSettings(json)).toThrow(/^REAPER_SETTINGS can't be used:\n- /);
  });
});
