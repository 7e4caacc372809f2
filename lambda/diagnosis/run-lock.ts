/** The lock of the reaper's runs: another run, a run that was lost, and others who hold the lock. */
import { formatDuration } from '../input/duration.js';
import type { Finding } from './finding.js';
import type { InstanceResult } from './instance-result.js';
import { releaseLock } from './release-lock.js';

/** Another run of this reaper was at work. */
export function anotherRun({ runAtWork }: InstanceResult): Finding | null {
  if (runAtWork === null) return null;
  return {
    severity: 'info',
    code: 'another_run',
    evidence: `another run of this reaper was at work on this server (pid ${runAtWork.pid}), so this one only looked`,
    remedy: 'nothing to do; what the other run did is in its own report',
  };
}

/** The most holders of the lock that are named: anybody can open as many as their role may. */
const MOST_INTRUDERS = 3;

/** Others held the lock of the runs, which nobody else has a use for. */
export function lockIntruders({ intruders }: InstanceResult): Finding | null {
  const [first] = intruders;
  if (first === undefined) return null;
  const named = intruders.slice(0, MOST_INTRUDERS).map(({ pid, gid, role, applicationName, ageSeconds }) => {
    const who = pid === null ? `the prepared transaction ${gid}` : `pid ${pid} ("${applicationName}")`;
    return `${who} of ${role}, there for ${formatDuration(ageSeconds ?? 0)}`;
  });
  const more = intruders.length > named.length ? ` and ${intruders.length - named.length} more` : '';
  return {
    severity: 'warning',
    code: 'lock_intruder',
    evidence: `the lock of the reaper's runs, which nothing but the reaper uses, is held by ${named.join('; ')}${more}. This run went on without it`,
    remedy: `it blocks nothing. Ask the owner of ${first.role} why it takes this lock; to terminate it: ${intruders.slice(0, MOST_INTRUDERS).map(releaseLock).join(' ')}`,
  };
}

/** Sessions that an earlier run left behind. */
export function lostRuns({ lostRuns: runs }: InstanceResult): Finding | null {
  if (runs.length === 0) return null;
  return {
    severity: 'info',
    code: 'lost_run',
    evidence: `an earlier run left its session behind (pid ${runs.map(({ pid }) => pid).join(', ')}): its function was stopped, or it could not close the session`,
    remedy: 'nothing to do; this run terminated that session. If it happens often, raise timeout',
  };
}
