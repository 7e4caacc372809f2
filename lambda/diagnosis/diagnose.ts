/**
 * Who leaks: a verdict on each service of an instance, made of what one look shows and of what earlier ones remember. It
 * depends neither on the thresholds of a run, nor on what the run terminates.
 */
import { countBy } from '../policy/group-by.js';
import { isOfNoApplication } from '../policy/judge.js';
import type { Attribution } from '../policy/service.js';
import { slotUse } from '../policy/slots.js';
import type { Snapshot } from '../policy/snapshot.js';
import { type Diagnosis, worstFirst } from './diagnosis.js';
import { type Evidence, evidenceOf } from './evidence.js';
import { growthOf } from './growth.js';
import { type Judgement, LEAKS } from './judgement.js';
import type { Look, Looks } from './looks.js';
import { busy } from './verdicts/busy.js';
import { leak } from './verdicts/leak.js';
import { leakInTransaction } from './verdicts/leak-in-transaction.js';
import { monitoring } from './verdicts/monitoring.js';
import { poolAtRest } from './verdicts/pool-at-rest.js';
import { poolTooLarge } from './verdicts/pool-too-large.js';
import { pooler } from './verdicts/pooler.js';
import { reconnects } from './verdicts/reconnects.js';
import { scriptLoop } from './verdicts/script-loop.js';
import { silentClients } from './verdicts/silent-clients.js';
import { unclear } from './verdicts/unclear.js';
import { unreadResult } from './verdicts/unread-result.js';

/** Asked in this order; the first that knows gives the verdict. */
const VERDICTS: readonly ((evidence: Evidence) => Judgement | null)[] = [
  pooler,
  monitoring,
  scriptLoop,
  reconnects,
  silentClients,
  leakInTransaction,
  leak,
  unreadResult,
  unclear,
  busy,
  poolTooLarge,
];

/**
 * Judges every service of a snapshot, the worst first.
 *
 * @param ownRole the reaper's role, whose sessions belong to no service.
 * @param looks what earlier looks at the same instance tell.
 */
export function diagnose(
  snapshot: Snapshot,
  attribute: Attribution,
  ownRole: string,
  looks: Looks = [],
): readonly Diagnosis[] {
  const backends = snapshot.backends.filter((backend) => !isOfNoApplication(backend, snapshot.server, ownRole));
  const seen = evidenceOf(backends, slotUse(snapshot), attribute, looks).map(judge);
  return withReapedLeaks(seen, looks).toSorted(worstFirst);
}

/** A pool that counts terminated connections as in use is stuck for hours; what a report tells of it is for the first. */
const REAPED_MS = 30 * 60_000;

/** Adds the leaks that earlier runs terminated, unless the service has opened connections since: then it has recovered. */
function withReapedLeaks(seen: readonly Diagnosis[], looks: Looks): readonly Diagnosis[] {
  const now = looks.at(-1)?.at ?? 0;
  const reaped = new Map(
    looks.flatMap((look) =>
      now - look.at > REAPED_MS ? [] : look.terminatedLeaks.map((leak) => [leak.service, { leak, look }] as const),
    ),
  );
  const present = new Set(seen.map(({ service }) => service));
  return [
    ...seen,
    ...[...reaped].flatMap(([service, { leak, look }]) => (present.has(service) ? [] : [afterReap(leak, look)])),
  ];
}

function afterReap(leak: Diagnosis, { services }: Look): Diagnosis {
  const terminated = services.get(leak.service)?.terminated ?? 0;
  return {
    ...leak,
    idle: 0,
    inTransaction: 0,
    active: 0,
    minutesUntilFull: null,
    oldestIdleSeconds: null,
    reasons: [
      `An earlier run terminated ${terminated} connections that it had leaked, and it has opened none since. Its own pool ` +
        'may still count them as in use.',
    ],
  };
}

function judge(evidence: Evidence): Diagnosis {
  const judgement = firstOf(evidence);
  const growth = LEAKS.has(judgement.verdict) ? growthOf(judgement.leaked) : null;
  const { service, backends, hosts, idle, inTransaction, active, server } = evidence;
  const ages = idle.map(({ stateSeconds }) => stateSeconds ?? 0);
  return {
    ...judgement,
    service,
    backends,
    idle: idle.length,
    inTransaction: inTransaction.length,
    active: active.length,
    hosts: hosts
      .map(({ address, backends: own }) => ({ address, connections: own.length }))
      .toSorted((a, b) => b.connections - a.connections),
    roles: [...countBy(backends, ({ role }) => role ?? '')]
      .map(([role, connections]) => ({ role, connections }))
      .filter(({ role }) => role !== '')
      .toSorted((a, b) => b.connections - a.connections),
    growth,
    minutesUntilFull: growth?.goesOn === true && server.free > 0 ? server.free / growth.perMinute : null,
    oldestIdleSeconds: ages.length === 0 ? null : Math.max(...ages),
    statement: null,
    driver: null,
  };
}

function firstOf(evidence: Evidence): Judgement {
  for (const verdict of VERDICTS) {
    const judgement = verdict(evidence);
    if (judgement !== null) return judgement;
  }
  return poolAtRest(evidence);
}
