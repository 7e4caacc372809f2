import * as v from 'valibot';
import { duration } from './duration.js';
import { demand, exactObject, excerpt, InputError, isObject, wholeNumber } from './faults.js';
import { cidr, glob } from './match.js';
import { MAX_BACKENDS } from './settings.js';

/** Every connection of every instance is held against every entry. */
const MOST_ENTRIES = 100;

/** Counted before its entries are checked, each of which could be a fault. */
function atLeastOne<Item extends v.GenericSchema<string>>(item: Item) {
  return v.pipe(
    v.array(v.unknown(), 'a list'),
    v.minLength(1, 'at least one entry (leave the key out to select all)'),
    v.maxLength(MOST_ENTRIES, `at most ${MOST_ENTRIES} entries`),
    v.array(item),
  );
}

const ACTIONS = {
  /** What the deployed policy says. */
  sweep: exactObject({ action: v.literal('sweep') }),
  /** Looks, changes nothing, publishes nothing. */
  report: exactObject({
    action: v.literal('report'),
    /** 1: look once, even where a second look a few seconds later would tell more. */
    looks: v.optional(wholeNumber(1, 2), 2),
  }),
  /** Ends idle backends once, by these options instead of the deployed thresholds. */
  reap: exactObject({
    action: v.literal('reap'),
    /** Replaces every deployed `idleTimeout`, the rules' own included. */
    idleTimeout: v.optional(duration),
    /** Only backends of these applications (globs). Lists of different kinds must all match. */
    applications: v.optional(atLeastOne(glob)),
    roles: v.optional(atLeastOne(glob)),
    databases: v.optional(atLeastOne(glob)),
    /** Only backends whose client is in one of these CIDR blocks. */
    addresses: v.optional(atLeastOne(cidr)),
    /** Replaces the deployed `maxTerminationsPerRun`. */
    maxTerminations: v.optional(wholeNumber(1, MAX_BACKENDS)),
    /** Also ends backends that are idle inside a transaction, which rolls that transaction back. */
    includeIdleInTransaction: v.optional(v.boolean('true or false'), false),
    /** Says what would be ended, ends nothing. By default true where the deployed `mode` is `preview`. */
    dryRun: v.optional(v.boolean('true or false')),
  }),
};

/** What the function is asked to do. */
export type Request = {
  readonly [Action in keyof typeof ACTIONS]: v.InferOutput<(typeof ACTIONS)[Action]> & {
    /** The ARN of the alarm that asks, as its event says, which anybody may write who may invoke the function. */
    readonly alarmArn?: string;
  };
}[keyof typeof ACTIONS];

/** The options of a manual reap. */
export type ReapRequest = Extract<Request, { action: 'reap' }>;

/** The schedule's payload; `infra/` puts it into the template as it is. */
export const SWEEP_EVENT = { action: 'sweep' } as const satisfies Request;

/**
 * What CloudWatch sends as an alarm's action. It holds much more, which differs by the kind of alarm and is not all
 * documented; an alarm that can't be read must not be one that does nothing. It never has an `action`: whoever says one
 * gets that one or an error.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-actions-Lambda.html
 */
const alarmAction = v.object({
  source: v.literal('aws.cloudwatch'),
  alarmArn: v.pipe(v.string(), v.regex(/^arn:[^:]+:cloudwatch:[^:]*:\d{12}:alarm:/)),
  action: v.optional(v.never()),
});

/** The name of an alarm has 255 characters at most, and what is before it less than 100. The log takes no more. */
const LONGEST_ALARM_ARN = 355;

/** Events that come of an alarm by a way around, and say nothing of what to do. */
const DETOURS = [
  ['a notification of SNS', v.object({ Records: v.looseTuple([v.object({ EventSource: v.literal('aws:sns') })]) })],
  ['an event of EventBridge', v.object({ 'detail-type': v.string(), detail: v.looseObject({}) })],
] as const;

/**
 * Reads an event: `{"action": "sweep" | "report" | "reap", …}`; the empty event is a sweep, and so is an alarm's action.
 *
 * @throws InputError with every fault, before anything is touched.
 */
export function parseEvent(event: unknown): Request {
  if (!isObject(event)) throw new InputError('event', [{ problem: 'expected a JSON object', got: excerpt(event) }]);
  if (Object.keys(event).length === 0) return SWEEP_EVENT;
  if (v.is(alarmAction, event)) return { ...SWEEP_EVENT, alarmArn: event.alarmArn.slice(0, LONGEST_ALARM_ARN) };
  const { action } = event;
  const [detour] = DETOURS.find(([, schema]) => action === undefined && v.is(schema, event)) ?? [];
  if (detour !== undefined) {
    throw new InputError('event', [
      {
        problem: 'expected an action',
        got: detour,
        hint:
          'Make the function itself the action of the alarm (LambdaAction in CDK), or give the target of the EventBridge ' +
          `rule the constant input ${JSON.stringify(SWEEP_EVENT)}`,
      },
    ]);
  }
  const names = Object.keys(ACTIONS)
    .map((name) => `"${name}"`)
    .join(', ');
  if (!isAction(action)) {
    throw new InputError('event', [{ path: 'action', problem: `expected one of ${names}`, got: excerpt(action) }]);
  }
  return demand<v.GenericSchema<unknown, Request>>('event', ACTIONS[action], event);
}

function isAction(value: unknown): value is keyof typeof ACTIONS {
  return typeof value === 'string' && Object.hasOwn(ACTIONS, value);
}
