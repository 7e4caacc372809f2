/**
 * Which names have metric series of their own. Each series costs money, and anyone can make up names: a client sets its
 * application_name, pods and processes put their ids into it, and a role may be allowed to create roles. So a name keeps
 * its place while it is seen, and new names are rationed by the hour.
 *
 * Times are epoch milliseconds.
 */
import { RUN_LIMITS } from '../contract/limits.js';

/** When a name had series of its own. */
export interface NamedSeries {
  /** When it got them: this counts against the new names of that hour. */
  readonly since: number;
  /** When they were published last. */
  readonly seen: number;
}

/** What is remembered of one kind of names. */
export interface SeriesState {
  readonly names: ReadonlyMap<string, NamedSeries>;
  /** Before this, nobody knows which names were new; `null` where that is known. */
  readonly unknownBefore: number | null;
  /** Until then, another function's last names may be missing here. */
  readonly settledAt: number;
}

/** What one run leaves to the next about names. Times are epoch milliseconds. */
export interface SeriesMemory {
  readonly applications: SeriesState;
  readonly roles: SeriesState;
  /** When leaked connections of these applications were terminated last. */
  readonly leaks: ReadonlyMap<string, number>;
  /** When the last run was that published anything; `null` before the first. */
  readonly ranAt: number | null;
}

/** What CloudWatch knows of one kind of names. */
export interface SeriesHistory {
  readonly names: SeriesState['names'];
  /** Whether these are all of them. */
  readonly complete: boolean;
}

/** A name that is there now. */
export interface Candidate {
  readonly name: string;
  /** What it holds. The fullest comes first. */
  readonly percent: number;
}

/** What a run allows one kind of names. */
export interface Allowance {
  /** How many names may have series at once. */
  readonly places: number;
  /** Names that the settings spell out. They are few, so they come first and are never rationed. */
  readonly declared: ReadonlySet<string>;
}

/** How long a name is remembered that is no longer there. CloudWatch charges a series for each hour it is published in. */
const HOUR_MS = 60 * 60_000;

/** At each multiple of this time, a function that does not know the past may admit one name. */
const MARK_MS = HOUR_MS / RUN_LIMITS.newNamesPerHour;

/** CloudWatch takes up to two minutes to return what was published. This is a little more. */
export const SETTLING_MS = 3 * 60_000;

/** The state of a function that has just started and knows of nothing. */
export function unknownSeries(now: number): SeriesState {
  return { names: new Map(), unknownBefore: now, settledAt: now };
}

/**
 * Adds what CloudWatch knows. May be called again: names that it did not return before are added then.
 *
 * A database without any history has no other function whose names could be missing, so all is settled at once.
 */
export function withHistory(state: SeriesState, { names, complete }: SeriesHistory, settledAt: number): SeriesState {
  const merged = new Map(state.names);
  for (const [name, { since, seen }] of names) {
    const known = state.names.get(name);
    merged.set(name, { since: Math.min(since, known?.since ?? since), seen: Math.max(seen, known?.seen ?? seen) });
  }
  return {
    names: merged,
    unknownBefore: complete ? null : state.unknownBefore,
    settledAt: names.size === 0 ? state.settledAt : Math.max(settledAt, state.settledAt),
  };
}

/**
 * Chooses the names that have series in a run, at most {@link RUN_LIMITS.newNamesPerHour} new ones in any hour.
 *
 * First those that are declared, then those that had series within the last hour, the latest first, then new ones. So the
 * set is stable, and a job that comes back within the hour is not new.
 */
export function admit(
  state: SeriesState,
  candidates: readonly Candidate[],
  { places, declared }: Allowance,
  now: number,
): { readonly admitted: ReadonlySet<string>; readonly state: SeriesState } {
  const known = new Map([...state.names].filter(([name, { seen }]) => seen > now - HOUR_MS && !declared.has(name)));
  const seen = ({ name }: Candidate) => known.get(name)?.seen ?? 0;
  const fullest = candidates.toSorted((a, b) => b.percent - a.percent || (a.name < b.name ? -1 : 1));
  const fresh = fullest.filter(({ name }) => !declared.has(name) && !known.has(name));
  const admitted = [
    ...fullest.filter(({ name }) => declared.has(name)),
    ...fullest.filter(({ name }) => known.has(name)).sort((a, b) => seen(b) - seen(a)),
    ...fresh.slice(0, newNames(known, state, now)),
  ]
    .slice(0, places)
    .map(({ name }) => name);
  for (const name of admitted) {
    if (!declared.has(name)) known.set(name, { since: known.get(name)?.since ?? now, seen: now });
  }
  return { admitted: new Set(admitted), state: { ...state, names: known } };
}

/** How many new names there may be now. */
function newNames(known: SeriesState['names'], { unknownBefore, settledAt }: SeriesState, now: number): number {
  const admitted = [...known.values()].filter(({ since }) => since > now - HOUR_MS).length;
  const left = Math.max(0, RUN_LIMITS.newNamesPerHour - admitted - assumedNames(unknownBefore, now));
  return now < settledAt ? Math.min(1, left) : left;
}

/**
 * How many names of the last hour are assumed where nobody knows: one at each mark. Each leaves the hour at another mark,
 * so one new name is free from then on. The marks are those of the clock, so two functions that start between the same
 * two of them cannot both have a name for it.
 */
function assumedNames(unknownBefore: number | null, now: number): number {
  if (unknownBefore === null) return 0;
  const marksSince = Math.floor(now / MARK_MS) - Math.floor(unknownBefore / MARK_MS);
  return Math.max(0, RUN_LIMITS.newNamesPerHour - marksSince);
}

/** Where it is certain that there were no series before. */
export function newMemory(now: number): SeriesMemory {
  const none = withHistory(unknownSeries(now), { names: new Map(), complete: true }, now);
  return { applications: none, roles: none, leaks: new Map(), ranAt: null };
}
