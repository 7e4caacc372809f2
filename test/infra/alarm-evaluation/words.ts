/**
 * What the words of scenarios bring. Several runs of a minute have a `+` between them, `.` is a minute without any, and
 * what is seen on the other instance stands behind a `|`.
 */

import type { Observation } from '../../../demo/cloudwatch/observation.js';
import type { InstanceResult } from '../../../lambda/diagnosis/instance-result.js';
import { missed, type Sight, saw, turnedAway } from './sights.js';
import type { Minute, Names, Run, Story } from './story.js';

type Minutes = Story['minute'];

/**
 * A run that sees the instances: `80` slots of 100 taken, `ok` none, one backend that is `hidden` or whose end is `refused`,
 * a run that `failed` after that, one `byhand`, one that does not get in (`x`), or that is turned `away` by a full server.
 * The other instance has 10 taken unless it is said.
 */
export const slots: Minutes = (word, { its, other }) =>
  runs(word, (seen) => {
    const [onIts = 'ok', onOther = '10'] = seen.split('|');
    return { results: [result(onIts, its), result(onOther, other)], isSweep: onIts !== 'byhand' };
  });

function result(word: string, instance: string): InstanceResult {
  switch (word) {
    case 'ok':
    case 'byhand':
      return saw(instance);
    case 'hidden':
      return saw(instance, { unreadable: 1 });
    case 'refused':
      return saw(instance, { refused: 1 });
    case 'failed':
      return saw(instance, {}, ['reaping stopped']);
    case 'x':
      return missed(instance);
    case 'away':
      return turnedAway(instance);
    default:
      return saw(instance, { applications: { checkout: wholeNumber(word) } });
  }
}

/** A run that sees numbers by name, written like the query of an address: `checkout=40&billing=10`. */
export function seen(sight: (counts: Readonly<Record<string, number>>) => Sight): Minutes {
  return (word, { its, other }) =>
    runs(word, (both) => {
      const [onIts, onOther] = both.split('|').map(counts);
      return { results: [saw(its, sight(onIts ?? {})), saw(other, sight(onOther ?? {}))] };
    });
}

/** Backends by application. */
export const applications = seen((numbers) => ({ applications: numbers }));

/** Backends by role, of roles with a limit of 100. */
export const roles = seen((numbers) => ({ roles: numbers }));

/** What Lambda publishes of the function: `1` for an invocation that failed, `0` for another. */
export const invocations: Minutes = (word, { functionName }) =>
  native(word, (value) => errors(value, { FunctionName: functionName }));

/** What RDS publishes of the instances: how many connections they have. The other one has 10 unless it is said. */
export const connections: Minutes = (word, { its, other, dbInstance }) => {
  const [onIts = '.', onOther = '10'] = word.split('|');
  const of = (name: string, text: string) =>
    native(text, (value) => databaseConnections(value, { DBInstanceIdentifier: dbInstance(name) })).native ?? [];
  return { native: [...of(its, onIts), ...of(other, onOther)] };
};

/** The same in a database of another name, of which the instances have the same names. */
export function inAnotherDatabase(minute: Minutes, word: string): (names: Names) => Minute {
  return (names) => ({ runs: (minute(word, names).runs ?? []).map((run) => ({ ...run, database: 'invoices' })) });
}

/** Failures of a function beside ours: by its name, by an alias, and in the sum of all functions. */
export const anotherFunctionFails = ({ functionName }: Names): Minute => ({
  native: [
    errors(1, { FunctionName: 'other' }),
    errors(1, { FunctionName: functionName, Resource: `${functionName}:canary` }),
    errors(1, {}),
  ],
});

/** Connections to other instances: to one by its name, and to sums that RDS publishes as well. */
export const anotherInstanceIsBusy = ({ dbInstance }: Names): Minute => ({
  native: [
    databaseConnections(500, { DBInstanceIdentifier: dbInstance('old') }),
    databaseConnections(500, { EngineName: 'postgres' }),
    databaseConnections(500, {}),
  ],
});

/** Five minutes for each word, with nothing in the other four. */
export const everyFive = (words: string) => words.replaceAll(/\S+/g, '$& . . . .');

/** A minute, and then nothing for a while. */
export const onceOnly = (word: string) => `${word}${' .'.repeat(16)}`;

/** The states that follow on {@link onceOnly}: its datapoint counts until it leaves the range of three times five minutes. */
export const QUARTER_OF_AN_HOUR = `${'A'.repeat(15)}OO`;

type Native = Omit<Observation, 'timestamp'>;

function errors(value: number, dimensions: Native['dimensions']): Native {
  return { namespace: 'AWS/Lambda', metricName: 'Errors', dimensions, value, unit: 'Count' };
}

function databaseConnections(value: number, dimensions: Native['dimensions']): Native {
  return { namespace: 'AWS/RDS', metricName: 'DatabaseConnections', dimensions, value, unit: 'Count' };
}

function runs(word: string, run: (seen: string) => Run): Minute {
  return word === '.' ? {} : { runs: word.split('+').map(run) };
}

function native(word: string, observation: (value: number) => Native): Minute {
  return word === '.' ? {} : { native: word.split('+').map((value) => observation(wholeNumber(value))) };
}

function counts(text: string): Readonly<Record<string, number>> {
  return Object.fromEntries([...new URLSearchParams(text)].map(([name, count]) => [name, wholeNumber(count)]));
}

/** A word that nobody knows must not become a scenario in which nothing happens. */
function wholeNumber(word: string): number {
  if (!/^\d+$/.test(word)) throw new Error(`expected a whole number or a word that is known, got ${word}`);
  return Number(word);
}
