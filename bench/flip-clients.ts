/**
 * Clients that are idle for a moment and at work for a moment, in a process of their own: each waits for a time that is
 * exponentially distributed, does the work of its workload, and reconnects at once when it is terminated. Answers
 * each later message with what was lost so far. Ends with its parent.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

/** What the parent sends first. */
export interface Flips {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly workload: Workload;
  readonly clients: number;
  readonly meanIdleMs: number;
}

/**
 * - `statements`: a SELECT of 20 ms. Nothing is counted here: that a statement was executing shows in the server's log.
 * - `transactions`: BEGIN, INSERT and COMMIT. Lost when BEGIN was acknowledged, and then the session ended before COMMIT was.
 * - `copies`: a COPY FROM STDIN that is open for 20 to 50 ms. Lost when the server had asked for the data, and then the
 *   session ended before COPY was acknowledged.
 * - `locks`: a session advisory lock, held idle. Lost when it was acknowledged, and then the session ended before the
 *   client gave the lock back.
 */
export type Workload = 'statements' | 'transactions' | 'copies' | 'locks';

/** What came of the work so far. */
export interface Losses {
  readonly lost: number;
  /** Errors that are not the end of a session. */
  readonly unexpected: readonly string[];
}

/** A session, as its client sees it. */
interface Flip {
  readonly client: pg.Client;
  /** Aborts when the session has ended. */
  readonly ended: AbortSignal;
  /** Whether the end of the session loses something now. */
  holds: boolean;
}

const ADMIN_SHUTDOWN = '57P01';
const LOCK_HELD_MS = 300;
let lost = 0;
const unexpected: string[] = [];

const WORK: Readonly<Record<Workload, (flip: Flip, key: number) => Promise<unknown>>> = {
  statements: ({ client }) => client.query('select pg_sleep(0.02)'),
  transactions: async (flip) => {
    await flip.client.query('begin');
    flip.holds = true;
    await flip.client.query('insert into flips values (1)');
    await flip.client.query('commit');
    flip.holds = false;
  },
  copies: (flip) => new Promise<void>((resolve, reject) => flip.client.query(heldCopy(flip, resolve, reject))),
  locks: async (flip, key) => {
    await flip.client.query('select pg_advisory_lock($1)', [key]);
    flip.holds = true;
    await sleep(LOCK_HELD_MS, undefined, { signal: flip.ended });
    flip.holds = false;
    await flip.client.query('select pg_advisory_unlock($1)', [key]);
  },
};

/** What node-postgres calls on a query of one's own; its types know only `submit`. */
interface CopyConnection {
  query(text: string): void;
  sendCopyFromChunk(chunk: Buffer): void;
  endCopyFrom(): void;
}

function heldCopy(flip: Flip, resolve: () => void, reject: (error: Error) => void): pg.Submittable {
  let failure: Error | undefined;
  const copy = {
    submit: (connection: CopyConnection) => connection.query('copy flips from stdin'),
    handleCopyInResponse: async (connection: CopyConnection) => {
      flip.holds = true;
      connection.sendCopyFromChunk(Buffer.from('1\n'));
      await sleep(20 + Math.random() * 30);
      if (!flip.ended.aborted) connection.endCopyFrom();
    },
    handleCommandComplete: () => {
      flip.holds = false;
    },
    handleReadyForQuery: () => (failure === undefined ? resolve() : reject(failure)),
    handleError: (error: Error) => {
      failure = error;
      reject(error);
    },
  };
  return copy as unknown as pg.Submittable;
}

process.once('disconnect', () => process.exit());
process.once('message', ({ clients, meanIdleMs, workload, ...connection }: Flips) => {
  process.on('message', () => process.send?.({ lost, unexpected } satisfies Losses));
  for (let key = 1; key <= clients; key += 1) void flipForEver(connection, workload, meanIdleMs, key);
});

async function flipForEver(connection: pg.ClientConfig, workload: Workload, meanIdleMs: number, key: number) {
  for (;;) {
    const client = new pg.Client({ ...connection, database: 'postgres', application_name: 'flipping' });
    const end = new AbortController();
    const flip: Flip = { client, ended: end.signal, holds: false };
    // Between two statements, the end of a session comes here; the next statement then fails without a code.
    client.on('error', noteUnexpected);
    client.once('end', () => end.abort());
    try {
      await client.connect();
      for (;;) {
        await sleep(-Math.log(1 - Math.random()) * meanIdleMs, undefined, { signal: end.signal });
        await WORK[workload](flip, key);
      }
    } catch (error) {
      noteUnexpected(error);
      if (flip.holds) lost += 1;
    }
    await client.end().catch(() => undefined);
  }
}

function noteUnexpected(error: unknown): void {
  if (error instanceof pg.DatabaseError && error.code !== ADMIN_SHUTDOWN) unexpected.push(error.message);
}
