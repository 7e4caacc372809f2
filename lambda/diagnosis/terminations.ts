/** Terminations that did not come about, or are not confirmed. */
import { groupBy } from '../policy/group-by.js';
import { type UnconfirmedReason, withOutcome } from '../policy/outcome.js';
import type { Snapshot } from '../policy/snapshot.js';
import type { Finding } from './finding.js';
import type { InstanceResult } from './instance-result.js';
import { quoteIdentifier } from './quote-sql.js';

/** Terminations that the server refused. */
export function refusedTerminations({ outcomes }: InstanceResult, { server }: Snapshot): Finding | null {
  const refused = withOutcome(outcomes, 'refused');
  const [first] = refused;
  if (first === undefined) return null;
  return {
    severity: 'warning',
    code: 'refused_terminations',
    evidence: `the server refused to terminate ${refused.length} connections: ${first.reason}`,
    remedy: server.maySignalBackends
      ? 'only a superuser can terminate the connections of a superuser; spare them with a rule'
      : `GRANT pg_signal_backend TO ${quoteIdentifier(server.user)};`,
  };
}

const UNCONFIRMED: Readonly<Record<UnconfirmedReason, { readonly evidence: string; readonly remedy: string }>> = {
  still_there: {
    evidence: 'were signalled and are still there',
    remedy:
      'look up their pids in the log ("event":"backend"); a connection that stays is stuck in the operating system: check disks and load',
  },
  not_verified: {
    evidence: 'were signalled; checking that they are gone failed',
    remedy: 'check again with {"action":"report"}',
  },
  maybe_signalled: {
    evidence: "may have been signalled: the server's answer was lost",
    remedy: 'look up their pids in the log ("event":"backend"), and check again with {"action":"report"}',
  },
};

/** Terminations that are not confirmed, by what was seen of them. */
export function unconfirmedTerminations({ outcomes }: InstanceResult): readonly Finding[] {
  const groups = groupBy(withOutcome(outcomes, 'unconfirmed'), ({ reason }) => reason);
  return (Object.keys(UNCONFIRMED) as UnconfirmedReason[]).flatMap((reason) => {
    const group = groups.get(reason) ?? [];
    const [first] = group;
    if (first === undefined) return [];
    const { evidence, remedy } = UNCONFIRMED[reason];
    return [
      {
        severity: 'warning' as const,
        code: `terminations_${reason}`,
        evidence: `${group.length} connections ${evidence} (${first.detail})`,
        remedy,
      },
    ];
  });
}

/** Chosen, but not terminated because the run could not go on. */
export function leftStanding({ outcomes }: InstanceResult): Finding | null {
  const left = withOutcome(outcomes, 'spared').filter(({ reason }) => reason === 'out_of_time' || reason === 'stopped');
  if (left.length === 0) return null;
  return {
    severity: 'warning',
    code: 'left_standing',
    evidence: `${left.length} connections were chosen but not terminated, because the run had no time left or an error stopped it`,
    remedy:
      'the next run goes on; if it happens again, give the function more time, or look at what slows the server down',
  };
}
