import type { AlarmState } from './alarm-state.js';

/** When an alarm is evaluated: once a minute. */
export interface Span {
  /** The start of the first minute, which is evaluated at its end: epoch milliseconds. */
  readonly start: number;
  readonly minutes: number;
  /** How long it takes until an observation counts. @default 0: once its minute is over */
  readonly lateSeconds?: number | undefined;
}

/** A change of state. Only then actions happen, and not again while the state lasts. */
export interface Transition {
  /** The minute at whose end it happened; the first is 0. */
  readonly minute: number;
  readonly from: AlarmState;
  readonly to: AlarmState;
  /** Whose state it is, where the alarm has contributors. */
  readonly contributor?: string;
  readonly actions: readonly string[];
}

/** What became of an alarm. */
export interface AlarmHistory {
  /** The alarm's state at the end of each minute. */
  readonly states: readonly AlarmState[];
  /** The same for each contributor; `undefined` while it is none. Empty unless the alarm has contributors. */
  readonly contributors: ReadonlyMap<string, readonly (AlarmState | undefined)[]>;
  /** Those that actions follow from: the contributors' where the alarm has any, else the alarm's own. */
  readonly transitions: readonly Transition[];
}

/** What an alarm does on a change of state. */
export interface Actions {
  readonly ActionsEnabled: boolean;
  readonly AlarmActions: readonly string[];
  readonly OKActions: readonly string[];
  readonly InsufficientDataActions: readonly string[];
}

/**
 * The changes of state. A new alarm has INSUFFICIENT_DATA, and a new contributor is taken to have been OK. One that is no
 * longer found becomes OK, whatever the alarm makes of missing data.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-actions.html
 */
export function transitionsOf(
  actions: Actions,
  states: readonly (AlarmState | undefined)[],
  contributor?: string,
): readonly Transition[] {
  const initial: AlarmState = contributor === undefined ? 'INSUFFICIENT_DATA' : 'OK';
  return states.flatMap((state, minute) => {
    const from = minute === 0 ? initial : (states[minute - 1] ?? 'OK');
    const to = state ?? 'OK';
    if (from === to) return [];
    return [
      { minute, from, to, actions: actionsOn(actions, to), ...(contributor === undefined ? {} : { contributor }) },
    ];
  });
}

function actionsOn(actions: Actions, state: AlarmState): readonly string[] {
  if (!actions.ActionsEnabled) return [];
  switch (state) {
    case 'ALARM':
      return actions.AlarmActions;
    case 'OK':
      return actions.OKActions;
    case 'INSUFFICIENT_DATA':
      return actions.InsufficientDataActions;
  }
}

/** States at a glance, one letter a minute: `O` is OK, `A` ALARM, `?` INSUFFICIENT_DATA, `-` no contributor. */
export function timeline(states: readonly (AlarmState | undefined)[]): string {
  return states.map((state) => (state === 'INSUFFICIENT_DATA' ? '?' : (state?.[0] ?? '-'))).join('');
}
