import { Duration, Stack } from 'aws-cdk-lib';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { describe, expect, test } from 'vitest';
import { type AlarmContext, alarmFaults } from '../../infra/alarms/faults.js';
import { METRIC_ALARMS } from '../../infra/alarms/names.js';
import type { AlarmOverrides } from '../../infra/alarms/overrides.js';
import { importAlarms } from '../../infra/cdk-json/alarms.js';
import { entrySchema } from '../../infra/cdk-json/entry-schema.js';
import { propsSchema, quoteProp } from '../../infra/props/props-schema.js';
import { withoutUndefined } from '../../infra/props/without-undefined.js';
import { check, faultText } from '../../lambda/input/faults.js';
import { aReaper } from './a-reaper.js';

const minutes = Duration.minutes;

const TOPIC_ARN = 'arn:aws:sns:eu-central-1:123456789012:on-call';

/** One instance whose name RDS knows, and a sweep a minute. */
const CONTEXT: AlarmContext = {
  databaseLabel: 'orders',
  trigger: 'schedule',
  intervalMinutes: 1,
  instances: [{ name: 'primary', dbInstanceIdentifier: 'orders-1' }],
};

const ALARM_TRIGGER: AlarmContext = { ...CONTEXT, trigger: 'alarm', intervalMinutes: 5 };

/** An Aurora cluster with all the readers it may have, and the longest names. */
const LONGEST: AlarmContext = {
  ...CONTEXT,
  databaseLabel: 'd'.repeat(64),
  instances: Array.from({ length: 16 }, (_, index) => ({
    name: `${index}`.padEnd(64, 'i'),
    dbInstanceIdentifier: `orders-${index}`,
  })),
};

const UNIDENTIFIED: AlarmContext = {
  ...CONTEXT,
  instances: [{ name: 'writer', dbInstanceIdentifier: 'orders-1' }, { name: 'reader' }],
};

const anAction = () => new SnsAction(Topic.fromTopicArn(new Stack(), 'Topic', TOPIC_ARN));

test.each(['__proto__', 'constructor', 'prototype'])('%s is no alarm, and no key of one', (key) => {
  const own = JSON.parse(`{"${key}": 1}`);
  const alarms = { RoleNearLimit: own, ...own };
  const faults = [`alarms.RoleNearLimit.${key}: unknown key`, `alarms.${key}: unknown key`].map((fault) =>
    expect.stringMatching(`^${fault}`),
  );
  expect(faultsOf(alarms, CONTEXT)).toEqual(faults);
  expect(entryFaults(alarms)).toEqual(faults);
});

describe('overrides that hold', () => {
  test.each<[string, AlarmOverrides | undefined, AlarmContext]>([
    ['none', undefined, CONTEXT],
    [
      'no alarms at all',
      { ...Object.fromEntries(METRIC_ALARMS.map((name) => [name, false])), ConnectionsCritical: false },
      CONTEXT,
    ],
    [
      'everything of an alarm',
      {
        RoleNearLimit: {
          threshold: 100,
          period: minutes(60),
          evaluationPeriods: 3,
          datapointsToAlarm: 3,
          actions: [anAction()],
          okActions: [],
        },
      },
      CONTEXT,
    ],
    [
      'actions, as many as there may be',
      { SlotsNearlyFull: { actions: Array.from({ length: 4 }, anAction) } },
      CONTEXT,
    ],
    ['a day of periods below an hour', { ServerFull: { period: minutes(1), evaluationPeriods: 1440 } }, CONTEXT],
    ['a week of hours', { ServerFull: { period: minutes(60), evaluationPeriods: 168 } }, CONTEXT],
    [
      'the period of RDS, however long the interval',
      { DatabaseConnections: { threshold: 1, period: minutes(1) } },
      { ...CONTEXT, intervalMinutes: 30 },
    ],
    [
      'as many sweeps as a period has',
      { ReaperNotRunning: { period: minutes(10), threshold: 2 } },
      { ...CONTEXT, intervalMinutes: 5 },
    ],
    ['what starts sweeps', { DatabaseConnections: { threshold: 180 } }, ALARM_TRIGGER],
    [
      'what is left out anyhow, left out',
      { DatabaseConnections: { threshold: 180 }, LeakContinues: false, ReaperNotRunning: false },
      ALARM_TRIGGER,
    ],
    [
      'a page of an alarm that is not there by default',
      { DatabaseConnections: { threshold: 180 }, ConnectionsCritical: { of: ['DatabaseConnections'] } },
      CONTEXT,
    ],
    ['a page of what is left of its default', { ServerFull: false, SlotsNearlyFull: false }, CONTEXT],
    ['a page of all that pages by default, however many instances there are, and whatever their names', {}, LONGEST],
  ])('are %s', (_, overrides, context) => {
    expect(faultsOf(overrides, context)).toEqual([]);
  });
});

describe('fails at synth', () => {
  test.each<[string, unknown, AlarmContext, readonly (string | RegExp)[]]>([
    [
      'on an alarm that there is not',
      { SlotsNerlyFull: { threshold: 60 } },
      CONTEXT,
      ['alarms.SlotsNerlyFull: unknown key, did you mean SlotsNearlyFull?'],
    ],
    [
      'on an unknown key of an alarm',
      { RoleNearLimit: { treshold: 60 } },
      CONTEXT,
      ['alarms.RoleNearLimit.treshold: unknown key, did you mean threshold?'],
    ],
    [
      'on a threshold where there is none to set',
      { ServerFull: { threshold: 1 } },
      CONTEXT,
      [/^alarms\.ServerFull\.threshold: unknown key, expected one of the keys period, /],
    ],
    [
      'on what is neither an object nor false',
      { ServerFull: true },
      CONTEXT,
      [/^alarms\.ServerFull: expected an object with the keys .*, got true$/],
    ],
    [
      'on percent out of their range',
      {
        SlotsNearlyFull: { threshold: 0 },
        ApplicationConnectionsHigh: { threshold: 101 },
        RoleNearLimit: { threshold: 0.5 },
      },
      CONTEXT,
      [
        'alarms.SlotsNearlyFull.threshold: expected a whole number from 1 to 100, got 0',
        'alarms.ApplicationConnectionsHigh.threshold: expected a whole number from 1 to 100, got 101',
        'alarms.RoleNearLimit.threshold: expected a whole number from 1 to 100, got 0.5',
      ],
    ],
    [
      'on counts below one',
      { LeakContinues: { threshold: 0 }, ReaperBlind: { evaluationPeriods: 0 } },
      CONTEXT,
      [
        'alarms.LeakContinues.threshold: expected a whole number from 1 to 262143, got 0',
        'alarms.ReaperBlind.evaluationPeriods: expected a whole number from 1 to 10080, got 0',
      ],
    ],
    [
      'on a period that is no whole minutes',
      { ServerFull: { period: Duration.seconds(90) } },
      CONTEXT,
      ['alarms.ServerFull.period: expected whole minutes from 1 to 10080, got 1.5'],
    ],
    [
      'on a period that is no Duration',
      { ServerFull: { period: 5 } },
      CONTEXT,
      ['alarms.ServerFull.period: expected a Duration, such as Duration.minutes(5), got 5'],
    ],
    [
      'on a period below the interval',
      { ServerFull: { period: minutes(4) } },
      { ...CONTEXT, intervalMinutes: 5 },
      [
        'alarms.ServerFull.period: expected no less than the interval, 5 minutes, since between sweeps there is no data, got 4',
      ],
    ],
    [
      'on more datapoints than periods',
      { SlotsNearlyFull: { datapointsToAlarm: 4 }, ReaperBlind: { evaluationPeriods: 2, datapointsToAlarm: 3 } },
      CONTEXT,
      [
        'alarms.SlotsNearlyFull.datapointsToAlarm: expected no more than evaluationPeriods, 3, got 4',
        'alarms.ReaperBlind.datapointsToAlarm: expected no more than evaluationPeriods, 2, got 3',
      ],
    ],
    [
      'on a window longer than a day',
      { ServerFull: { period: minutes(59), evaluationPeriods: 25 } },
      CONTEXT,
      [
        'alarms.ServerFull: expected a window of 1440 minutes at most, which is as far as CloudWatch looks back, got 25 periods of 59',
      ],
    ],
    [
      'on a window longer than a week',
      { ReaperFailing: { period: minutes(60), evaluationPeriods: 169 } },
      CONTEXT,
      [/^alarms\.ReaperFailing: expected a window of 10080 minutes at most, .*, got 169 periods of 60$/],
    ],
    [
      'on a window longer than three hours of a query',
      {
        ApplicationConnectionsHigh: { period: minutes(61) },
        LeakContinues: { evaluationPeriods: 19 },
        RoleNearLimit: { evaluationPeriods: 181 },
      },
      CONTEXT,
      [
        /^alarms\.ApplicationConnectionsHigh: expected a window of 180 minutes at most, .*, got 3 periods of 61$/,
        /^alarms\.LeakContinues: expected a window of 180 minutes at most, .*, got 19 periods of 10$/,
        /^alarms\.RoleNearLimit: expected a window of 180 minutes at most, .*, got 181 periods of 1$/,
      ],
    ],
    [
      'on more sweeps than a period has',
      { ReaperNotRunning: { period: minutes(9), threshold: 2 } },
      { ...CONTEXT, intervalMinutes: 5 },
      ['alarms.ReaperNotRunning.threshold: expected no more than the 1 sweeps of a period, got 2'],
    ],
    [
      'on actions that are no list, or too many',
      { ServerFull: { actions: anAction(), okActions: Array.from({ length: 5 }, anAction) } },
      CONTEXT,
      [
        'alarms.ServerFull.actions: expected a list of alarm actions, got a SnsAction',
        'alarms.ServerFull.okActions: expected at most 4 alarm actions, got a list of 5',
      ],
    ],
    [
      'on DatabaseConnections without a threshold',
      { DatabaseConnections: { period: minutes(5) } },
      CONTEXT,
      [
        'alarms.DatabaseConnections.threshold: missing. Set a number of connections below max_connections, which is not known at synth.',
      ],
    ],
    [
      'on DatabaseConnections of instances that RDS calls nobody knows what',
      { DatabaseConnections: { threshold: 180 } },
      UNIDENTIFIED,
      [
        "alarms.DatabaseConnections: expected instances with a dbInstanceIdentifier, which RDS's metric goes by, got none for reader",
      ],
    ],
    [
      'on DatabaseConnections of no instances',
      { DatabaseConnections: { threshold: 180 } },
      { ...CONTEXT, instances: [] },
      [
        "alarms.DatabaseConnections: expected instances with a dbInstanceIdentifier, which RDS's metric goes by, got no instances",
      ],
    ],
    [
      'on no start of sweeps at all',
      undefined,
      ALARM_TRIGGER,
      [
        'alarms.DatabaseConnections: expected a threshold with trigger: "alarm", since nothing else starts sweeps, got nothing',
      ],
    ],
    [
      'on the start of all sweeps left out',
      { DatabaseConnections: false },
      ALARM_TRIGGER,
      [
        'alarms.DatabaseConnections: expected a threshold with trigger: "alarm", since nothing else starts sweeps, got false',
      ],
    ],
    [
      'on alarms that make no sense without a schedule',
      { DatabaseConnections: { threshold: 180 }, LeakContinues: { threshold: 2 }, ReaperNotRunning: {} },
      ALARM_TRIGGER,
      [
        'alarms.LeakContinues: not supported with trigger: "alarm", where DatabaseConnections lasts as long as the leak does. Remove it.',
        'alarms.ReaperNotRunning: not supported with trigger: "alarm", where no sweep is ever due. Remove it.',
      ],
    ],
    [
      'on a page of what is left out, or not made',
      { RoleNearLimit: false, ConnectionsCritical: { of: ['ServerFull', 'RoleNearLimit', 'DatabaseConnections'] } },
      CONTEXT,
      ['alarms.ConnectionsCritical.of: expected alarms that exist, got RoleNearLimit, DatabaseConnections'],
    ],
    [
      'on a page of nothing',
      { ConnectionsCritical: { of: [] } },
      CONTEXT,
      ['alarms.ConnectionsCritical.of: expected at least one alarm (ConnectionsCritical: false leaves it out), got []'],
    ],
    [
      'on a page of what is no alarm',
      { ConnectionsCritical: { of: ['ConnectionsCritical'] } },
      CONTEXT,
      [/^alarms\.ConnectionsCritical\.of\.0: expected one of ServerFull, .*, ReaperBlind, got "ConnectionsCritical"$/],
    ],
    [
      'on a page of which nothing is left',
      { ServerFull: false, SlotsNearlyFull: false, ReaperNotRunning: false },
      CONTEXT,
      [
        'alarms.ConnectionsCritical: expected false, or alarms in `of`, since the alarms that page by default are left out',
      ],
    ],
    [
      'on a page whose rule is longer than CloudWatch takes',
      { DatabaseConnections: { threshold: 180 }, ConnectionsCritical: { of: METRIC_ALARMS } },
      LONGEST,
      [
        /^alarms\.ConnectionsCritical\.of: expected a rule of 100 alarms and 10240 characters at most, .*, got 84 with 14377\. Name fewer/,
      ],
    ],
    [
      'on a page of more alarms than CloudWatch takes, however short their names',
      {},
      { ...CONTEXT, instances: Array.from({ length: 34 }, (_, index) => ({ name: `${index}` })) },
      [/^alarms\.ConnectionsCritical\.of: .*, got 102 with \d{4}\. Name fewer/],
    ],
    [
      'on everything at once',
      {
        Typo: {},
        ServerFull: { threshold: 1 },
        ReaperBlind: { datapointsToAlarm: 9 },
        ConnectionsCritical: { of: ['DatabaseConnections'] },
      },
      CONTEXT,
      [
        /^alarms\.ServerFull\.threshold: unknown key/,
        /^alarms\.Typo: unknown key/,
        /^alarms\.ReaperBlind\.datapointsToAlarm: /,
        /^alarms\.ConnectionsCritical\.of: /,
      ],
    ],
    ['on what is no object', 'all', CONTEXT, [/^alarms: expected an object with the keys .*, got "all"$/]],
  ])('%s', (_, overrides, context, expected) => {
    expect(faultsOf(overrides, context)).toEqual(
      expected.map((fault) => (typeof fault === 'string' ? fault : expect.stringMatching(fault))),
    );
  });

  test('in the words of the construct', () => {
    expect(() => aReaper({ alarms: { RoleNearLimit: { threshold: 200 } } })).toThrow(
      "ConnectionReaper Orders/Reaper can't be used:\n- alarms.RoleNearLimit.threshold: expected a whole number from 1 to 100, got 200",
    );
  });
});

describe('in cdk.json', () => {
  const GIVEN = {
    SlotsNearlyFull: { threshold: 60, period: '5m', evaluationPeriods: 4, datapointsToAlarm: 2, topicArn: TOPIC_ARN },
    RoleNearLimit: false,
    ReaperBlind: {},
    ConnectionsCritical: { of: ['ServerFull'], topicArn: TOPIC_ARN },
  };

  test('overrides mean the same as in the props, with text for durations and topics for actions', () => {
    const { value } = check(entrySchema, { alarms: GIVEN });
    const { SlotsNearlyFull, RoleNearLimit, ReaperBlind, ConnectionsCritical, ...rest } = importAlarms(
      new Stack(),
      value.alarms ?? {},
    );
    expect(SlotsNearlyFull).toMatchObject({
      threshold: 60,
      period: minutes(5),
      evaluationPeriods: 4,
      datapointsToAlarm: 2,
    });
    expect(RoleNearLimit).toBe(false);
    expect(ReaperBlind).toEqual({});
    expect(ConnectionsCritical).toMatchObject({ of: ['ServerFull'] });
    for (const override of [SlotsNearlyFull, ConnectionsCritical]) {
      const { actions = [], okActions = [] } = override || {};
      for (const [action, ...others] of [actions, okActions]) {
        expect(action?.bind(new Stack(), undefined as never)).toEqual({ alarmActionArn: TOPIC_ARN });
        expect(others).toEqual([]);
      }
    }
    expect(rest).toEqual({});
  });

  test.each([...METRIC_ALARMS, 'ConnectionsCritical'])("a topic of %s stands beside the stack's own", (name) => {
    const stack = new Stack();
    for (const id of ['AlarmTopic', 'PageTopic']) Topic.fromTopicArn(stack, id, TOPIC_ARN);
    expect(() => importAlarms(stack, { [name]: { topicArn: TOPIC_ARN } })).not.toThrow();
  });

  test('their faults have the same words', () => {
    expect(
      entryFaults({
        Typo: false,
        ServerFull: { period: 5 },
        ReaperBlind: { period: '90s' },
        RoleNearLimit: { threshold: 'high', actions: [] },
        ConnectionsCritical: { topicArn: 'on-call' },
      }),
    ).toEqual([
      'alarms.ServerFull.period: expected a duration such as "90s", "5m" or "1h", got 5',
      'alarms.RoleNearLimit.threshold: expected a whole number from 1 to 100, got "high"',
      expect.stringMatching(/^alarms\.RoleNearLimit\.actions: unknown key, expected one of the keys .*, topicArn$/),
      'alarms.ReaperBlind.period: expected whole minutes from 1 to 10080, got 1.5',
      'alarms.ConnectionsCritical.topicArn: expected the ARN of an SNS topic, got "on-call"',
      expect.stringMatching(/^alarms\.Typo: unknown key/),
    ]);
  });
});

/** The faults of `alarms` in an entry, alone. */
function entryFaults(alarms: unknown): readonly string[] {
  return check(entrySchema, { alarms })
    .faults.filter(({ path }) => path?.startsWith('alarms'))
    .map(faultText);
}

/** The faults of the prop `alarms`: of each override by itself, and with the rest of the deployment. */
function faultsOf(alarms: unknown, context: AlarmContext): readonly string[] {
  const { value, broken, faults } = check(propsSchema, withoutUndefined({ alarms }), [], quoteProp);
  return [...faults, ...alarmFaults(value.alarms, broken, context)].map(faultText);
}
