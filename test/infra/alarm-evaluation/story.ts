import type { Observation } from '../../../demo/cloudwatch/observation.js';
import type { InstanceResult } from '../../../lambda/diagnosis/instance-result.js';

/** One run of the function. */
export interface Run {
  readonly results: readonly InstanceResult[];
  /** False for a reap by hand. @default true */
  readonly isSweep?: boolean;
  /** Of a reaper of another database. @default - the one whose alarms are looked at */
  readonly database?: string;
}

/** What a minute brings. */
export interface Minute {
  readonly runs?: readonly Run[];
  /** What AWS's services publish by themselves. */
  readonly native?: readonly Omit<Observation, 'timestamp'>[];
}

/** The names in the deployment that an alarm is watched in. */
export interface Names {
  /** The instance whose alarm it is. */
  readonly its: string;
  /** The other instance. */
  readonly other: string;
  readonly functionName: string;
  /** What RDS calls an instance. */
  readonly dbInstance: (name: string) => string;
}

/** What an alarm does as the minutes go by. */
export interface Scenario {
  /** A sentence about the alarm. */
  readonly name: string;
  /** A word for each minute, with blanks between; what it brings is for the {@link Story} to say. */
  readonly given: string;
  /** What comes beside it in every minute. @default - nothing */
  readonly beside?: (names: Names) => Minute;
  /** How long CloudWatch takes to know of what is published, in seconds. @default 0 */
  readonly lateSeconds?: number;
  /** Whether it is about minutes that are as many however rare sweeps are. @default - all takes as many intervals */
  readonly byTheClock?: true;
  /** Whether the other instance is hit as well, so that its alarm does the same. @default - its alarm never goes off */
  readonly everywhere?: true;
  /** The alarm's states, one letter a minute: `O` is OK, `A` ALARM, `?` INSUFFICIENT_DATA. */
  readonly states: string;
  /** The same of the contributors, for an alarm that has any; `-` while there is none. */
  readonly contributors?: Readonly<Record<string, string>>;
}

/** All that an alarm must do, and what in its properties could be otherwise without anybody noticing. */
export interface Story {
  /** Whether each instance has such an alarm of its own. */
  readonly perInstance: boolean;
  /** What a word of {@link Scenario.given} brings. */
  readonly minute: (word: string, names: Names) => Minute;
  readonly scenarios: readonly Scenario[];
  /** The mutants that do the same, with the reason. No other may get through all scenarios. */
  readonly equivalents: Readonly<Record<string, string>>;
}

/** The minutes of a scenario. */
export function minutesOf({ minute }: Story, { given, beside }: Scenario, names: Names): readonly Minute[] {
  const { runs = [], native = [] } = beside?.(names) ?? {};
  return wordsOf(given)
    .map((word) => minute(word, names))
    .map((brought) => ({
      runs: [...(brought.runs ?? []), ...runs],
      native: [...(brought.native ?? []), ...native],
    }));
}

/** The words of a scenario, one a minute. */
export function wordsOf(given: string): readonly string[] {
  return given.trim().split(/\s+/);
}
