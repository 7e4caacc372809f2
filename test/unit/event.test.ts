import { describe, expect, it } from 'vitest';
import { parseEvent } from '../../lambda/input/event.js';
import { faultText, InputError } from '../../lambda/input/faults.js';
import { ALARM_EVENT } from '../support/alarm-event.js';

describe('events', () => {
  it('take the empty event and the scheduled one for a sweep', () => {
    expect(parseEvent({})).toEqual({ action: 'sweep' });
    expect(parseEvent({ action: 'sweep' })).toEqual({ action: 'sweep' });
  });

  it('read every option of a reap', () => {
    const reap = {
      action: 'reap',
      applications: ['checkout*'],
      roles: ['app_*'],
      databases: ['shop'],
      addresses: ['10.0.0.0/8', '2001:db8::1'],
      maxTerminations: 5,
      includeIdleInTransaction: true,
      dryRun: true,
    };
    expect(parseEvent({ ...reap, idleTimeout: '1m' })).toEqual({ ...reap, idleTimeout: 60 });
  });

  it.each([
    ['of one metric', ALARM_EVENT],
    ['of a kind to come', { source: 'aws.cloudwatch', alarmArn: ALARM_EVENT.alarmArn, alarmData: ['?'], more: 1 }],
  ])("take an alarm's action, %s, for a sweep that says which alarm it was", (_, event) => {
    expect(parseEvent(event)).toEqual({ action: 'sweep', alarmArn: ALARM_EVENT.alarmArn });
  });

  it("fail when a preview has an alarm's keys, and never enforce in its place", () => {
    const { source, alarmArn } = ALARM_EVENT;
    expect(() => parseEvent({ source, alarmArn, action: 'reap', dryRun: true })).toThrow(
      /^event can't be used:\n- source: unknown key, .*\n- alarmArn: unknown key/,
    );
  });

  it.each([
    ['a notification of SNS', { Records: [{ EventSource: 'aws:sns', EventVersion: '1.0', Sns: { Message: '{}' } }] }],
    [
      'an event of EventBridge',
      {
        version: '0',
        source: 'aws.cloudwatch',
        'detail-type': 'CloudWatch Alarm State Change',
        detail: { alarmName: 'x' },
      },
    ],
  ])('fail when it is %s, and say what to use', (name, event) => {
    expect(() => parseEvent(event)).toThrow(
      `event can't be used:\n- expected an action, got ${name}. Make the function itself the action of the alarm ` +
        '(LambdaAction in CDK), or give the target of the EventBridge rule the constant input {"action":"sweep"}.',
    );
  });

  it('name every fault at once', () => {
    const event = {
      action: 'reap',
      idleTimeout: 60,
      applications: [],
      addresses: ['x'],
      maxTerminations: 0,
      aplications: ['a'],
      b: 1,
    };
    expect(() => parseEvent(event)).toThrow(
      [
        "event can't be used:",
        '- idleTimeout: expected a duration such as "90s", "5m" or "1h", got 60',
        '- applications: expected at least one entry (leave the key out to select all), got []',
        '- addresses.0: expected an address or CIDR block such as "10.1.0.0/16", got "x"',
        '- maxTerminations: expected a whole number from 1 to 262143, got 0',
        '- aplications: unknown key, did you mean applications?\n- b: unknown key, expected one of the keys action, idleTimeout, applications,',
      ].join('\n'),
    );
  });

  const LONG = 'x'.repeat(1_000_000);

  it.each([
    ['an unknown key', { action: 'sweep', [LONG]: 1 }],
    ['the value of an option', { action: 'reap', idleTimeout: LONG }],
    ['an object in place of an option', { action: 'reap', idleTimeout: { [LONG]: LONG } }],
    ['an action', { action: LONG }],
    ['an action that is an object', { action: { [LONG]: LONG } }],
    ['no object', LONG],
    ['a list', [LONG, LONG]],
  ])('quote at most 200 characters of a long event: %s', (_, event) => {
    const [fault = '', ...others] = faultsOf(event);
    expect(others).toEqual([]);
    expect(fault.match(/x/g)?.length).toBeLessThan(200);
    expect(fault.length).toBeLessThan(400);
  });

  it('tell the first of very many faults, and how many more there are', () => {
    const keys = Array.from({ length: 50_000 }, (_, index) => [`key${index}`, 1]);
    const faults = faultsOf({ action: 'report', ...Object.fromEntries(keys) });
    expect(faults).toHaveLength(11);
    expect(faults.at(-1)).toBe('and 49990 more unknown keys');
    const ones = new Array(100).fill(1);
    const lists = faultsOf({ action: 'reap', applications: ones, roles: ones, databases: new Array(50_000).fill(1) });
    expect(lists).toHaveLength(21);
    expect(lists.at(-1)).toBe('and 181 more faults');
    expect(faultsOf({ action: 'reap', applications: new Array(50_000).fill('a') })).toEqual([
      expect.stringMatching(/^applications: expected at most 100 entries, got \["a",.{50,60}$/),
    ]);
  });

  it('let no name start a line of its own, or hide in what is printed', () => {
    expect(faultsOf({ action: 'sweep', 'a\n- b\u202e': 1 })[0]).toMatch(/^a\?- b\?: unknown key/);
  });

  it('hand on no more of the ARN of an alarm than an alarm can have', () => {
    const alarmArn = `${ALARM_EVENT.alarmArn}${LONG}`;
    expect(parseEvent({ ...ALARM_EVENT, alarmArn })).toEqual({ action: 'sweep', alarmArn: alarmArn.slice(0, 355) });
  });

  it.each(['__proto__', 'constructor', 'prototype'])('report the key %s like any other', (key) => {
    expect(faultsOf(JSON.parse(`{"action": "sweep", "${key}": 1}`))).toEqual([
      `${key}: unknown key, expected one of the keys action`,
    ]);
  });

  it.each([
    ['an option that its action does not have', { action: 'sweep', idleTimeout: '1m' }],
    ['an option of reap on a report', { action: 'report', dryRun: true }],
    ['no action among other keys', { idleTimeout: '1m' }],
    ['an unknown action', { action: 'kill' }],
    ['an action from the prototype', { action: 'constructor' }],
    ['an alarm that a person names', { action: 'sweep', alarmArn: ALARM_EVENT.alarmArn }],
    ['an alarm of nobody', { alarmArn: ALARM_EVENT.alarmArn }],
    ['an alarm of another source', { ...ALARM_EVENT, source: 'aws.events' }],
    ['an alarm without its ARN', { ...ALARM_EVENT, alarmArn: undefined }],
    ['an alarm whose ARN is no text', { ...ALARM_EVENT, alarmArn: {} }],
    ['an alarm with an invalid ARN', { ...ALARM_EVENT, alarmArn: 'x' }],
    ["an alarm whose ARN is a topic's", { ...ALARM_EVENT, alarmArn: 'arn:aws:sns:us-east-1:123456789012:alarm:x' }],
    ['a sweep in the form of an alarm', { ...ALARM_EVENT, action: 'sweep' }],
    ['a list', []],
    ['nothing', null],
    ['text', 'sweep'],
  ])('fail when there is %s', (_, event) => {
    expect(() => parseEvent(event)).toThrow(/^event can't be used:\n- /);
  });
});

function faultsOf(event: unknown): readonly string[] {
  try {
    parseEvent(event);
  } catch (error) {
    if (error instanceof InputError) return error.faults.map(faultText);
    throw error;
  }
  return [];
}
