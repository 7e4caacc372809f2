/** The limits that protect the database from the reaper, from the constants, the templates and the code. */
import { AWS_LIMITS, RUN_LIMITS, SESSION_LIMITS, TEMPORARY_TABLE_LIMITS } from '../../../lambda/contract/limits.js';
import { MAX_UNDECLARED_ROLES, METRICS } from '../../../lambda/contract/metrics.js';
import { parseEvent } from '../../../lambda/input/event.js';
import { InputError } from '../../../lambda/input/faults.js';
import { policyOf } from '../../../lambda/policy/policy.js';
import { markdownTable } from '../../../package/generated-block.js';
import { aReaper } from '../../infra/a-reaper.js';
import { someSettings } from '../builders.js';
import { largestAnswer, MOST_CONNECTIONS, MOST_INSTANCES } from './largest-answer.js';
import { ONE_LINE } from './options.js';
import { templatesOf } from './review.js';

/**
 * What Lambda takes, in bytes: an event and an answer where somebody waits for it, and an event where nobody does.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
 */
export const LAMBDA_PAYLOAD = { awaited: 6 * 1024 ** 2, queued: 1024 ** 2 } as const;

/** The limits as a table of Markdown. */
export function limitsTable(): string {
  const settings = someSettings();
  const { sweep, bootstrap, retries, seconds, schedule } = deployed();
  const patience = policyOf(settings, parseEvent({ action: 'reap' })).lockPatienceMs;
  const perApplication = Object.keys(METRICS.application).length;
  const { connectMs, firstAnswerMs, statementMs, lockMs, idleMs, closeMs } = SESSION_LIMITS;
  return markdownTable([
    ['of the reaper', 'at most', 'how'],
    [
      'connections of a run',
      '1 an instance',
      `always closed; also, one at a time, in at most ${TEMPORARY_TABLE_LIMITS.maxDatabases} other databases for temporary tables (${time(TEMPORARY_TABLE_LIMITS.timeMs)} in all, below ${TEMPORARY_TABLE_LIMITS.maxUsedPercent} % of the slots)`,
    ],
    [
      '`CONNECTION LIMIT` of its role',
      number(RUN_LIMITS.ownConnections),
      'set by the grants; hanging runs together use no more',
    ],
    [
      'runs at a time',
      '1 for each reaper and database of a server',
      `an advisory lock; only a live session of the reaper's role stops a run; a manual run waits ${time(patience)}, a sweep does not wait`,
    ],
    ['TCP, TLS and login', time(connectMs), 'for each attempt'],
    [
      'attempts at a full server',
      time(RUN_LIMITS.loginRetryMs),
      'one after another, because each occupies a slot; for the last login, less for those before it',
    ],
    ['first answer', time(firstAnswerMs), 'a pooler may accept a login and let it wait'],
    [
      'each statement',
      time(statementMs),
      '`statement_timeout`; the reaper gives up a little later if the server does not answer',
    ],
    ['a lock', time(lockMs), '`lock_timeout`, for `ALTER ROLE`'],
    [
      'a pause between statements',
      time(idleMs),
      '`idle_session_timeout` from PostgreSQL 14 on, `tcp_user_timeout` on all versions; the next run terminates a session that remains',
    ],
    ['logout', time(closeMs), 'then the reaper closes the socket'],
    [
      'connections that a statement terminates',
      number(RUN_LIMITS.signalsPerStatement),
      'and `maxTerminationsPerRun` in a run, if it is set',
    ],
    ['a sweep', time(sweep * 1_000), '`timeout`; less than the interval, so one sweep ends before the next starts'],
    ['a bootstrap', time(bootstrap * 1_000), 'then the deployment fails'],
    ['sweeps', schedule, `${retries} retries; one that could not start within ${seconds} s is dropped`],
    [
      'a call to AWS',
      time(AWS_LIMITS.callMs),
      `${AWS_LIMITS.attempts} attempts, ${time(AWS_LIMITS.connectMs)} to connect and ${time(AWS_LIMITS.answerMs)} to answer; metrics are sent once and may take all of it; the work on the database is done anyway`,
    ],
    ['datapoints a request', number(RUN_LIMITS.datapointsPerRequest), 'the limit of PutMetricData'],
    [
      'series',
      `${Object.keys(METRICS.instance).length} an instance, ${perApplication} an application and instance, 1 a role`,
      `of ${settings.maxApplications} applications at a time (\`maxApplications\`) and \`(other)\`; of the declared roles, ${MAX_UNDECLARED_ROLES} others at a time and \`(other)\``,
    ],
    [
      'new names with series',
      `${RUN_LIMITS.newNamesPerHour} an hour`,
      'of applications, and as many of roles, including cold starts; constantly changing names cost no more',
    ],
    ['settings', `${number(environmentBytes())} bytes`, 'all environment variables together; synth fails on more'],
    [
      'an event',
      `${megabytes(LAMBDA_PAYLOAD.awaited)} by hand, ${megabytes(LAMBDA_PAYLOAD.queued)} by an alarm`,
      "Lambda's own limits; an invalid event fails before the run changes anything",
    ],
    [
      'an answer',
      megabytes(Buffer.byteLength(JSON.stringify(largestAnswer()))),
      `of ${megabytes(LAMBDA_PAYLOAD.awaited)}, for ${MOST_INSTANCES} instances with ${number(MOST_CONNECTIONS)} connections each, with the longest names, all refused: it lists the first of them and counts all`,
    ],
  ]);
}

interface FunctionResource {
  readonly Properties: { readonly Handler: string; readonly Timeout: number };
}

/** What the construct of one line deploys. */
function deployed() {
  const { Resources } = templatesOf(ONE_LINE).after as {
    readonly Resources: Readonly<Record<string, { Type: string }>>;
  };
  const ofType = <Resource>(type: string) => Object.values(Resources).filter(({ Type }) => Type === type) as Resource[];
  const timeout = (handler: string) =>
    only(ofType<FunctionResource>('AWS::Lambda::Function').filter(({ Properties }) => Properties.Handler === handler))
      .Properties.Timeout;
  const invoked = only(
    ofType<{ Properties: { MaximumRetryAttempts: number; MaximumEventAgeInSeconds: number } }>(
      'AWS::Lambda::EventInvokeConfig',
    ),
  ).Properties;
  const schedule = only(ofType<{ Properties: { ScheduleExpression: string } }>('AWS::Scheduler::Schedule')).Properties;
  return {
    sweep: timeout('index.handler'),
    bootstrap: timeout('index.bootstrap'),
    retries: invoked.MaximumRetryAttempts,
    seconds: invoked.MaximumEventAgeInSeconds,
    schedule: `\`${schedule.ScheduleExpression}\``,
  };
}

function only<Item>([item, ...others]: readonly Item[]): Item {
  if (item === undefined || others.length > 0) throw new Error(`expected one, got ${others.length + (item ? 1 : 0)}`);
  return item;
}

/** As the error at synth has it. */
function environmentBytes(): number {
  try {
    aReaper({ roleLimits: Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`role_${index}`, 1])) });
  } catch (error) {
    if (error instanceof InputError) return Number(/the (\d+) that Lambda allows/.exec(error.message)?.[1]);
    throw error;
  }
  throw new Error('expected settings of a thousand roles to be too large');
}

function time(milliseconds: number): string {
  return `${milliseconds / 1_000} s`;
}

function number(value: number): string {
  return value.toLocaleString('en-US');
}

function megabytes(bytes: number): string {
  return `${Math.round((bytes / 1024 ** 2) * 10) / 10} MB`;
}
