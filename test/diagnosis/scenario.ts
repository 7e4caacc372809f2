/** What a scenario is: services that use one server, and what the diagnosis must say about each. */

/** What the product can say about a service. */
export type Verdict =
  | 'leak'
  | 'leak_in_transaction'
  | 'pool_too_large'
  | 'pool_at_rest'
  | 'pooler'
  | 'script_loop'
  | 'monitoring'
  | 'silent_clients'
  | 'reconnects'
  | 'unread_result'
  | 'busy'
  | 'unclear';

/** The roles of the applications. */
export const ROLES = ['shop', 'orders', 'billing', 'reporting', 'migrations', 'monitoring'] as const;

/** The tables, by which a statement is recognised in the report. */
export const TABLES = ['carts', 'invoices', 'payments', 'stock', 'shipments', 'events'] as const;

/** The programs in the folder `clients`. */
export type ClientName =
  | 'active-record'
  | 'asyncpg'
  | 'django'
  | 'hikari'
  | 'lib-pq'
  | 'node-postgres'
  | 'pgx'
  | 'php'
  | 'postgres-js'
  | 'psql'
  | 'psycopg2'
  | 'psycopg3'
  | 'ruby-pg'
  | 'sqlalchemy';

/**
 * What a client does with its connections:
 *
 * - `leak`: takes them one after another, or by several callers at once, runs a statement, never gives them back
 * - `leak-in-transaction`, `leak-after-commit`: the same, in a transaction
 * - `rest`: all are used at once in a few bursts and given back
 * - `busy`: as `rest`, and the load goes on
 * - `grow`: a pool that one more caller uses at a time; all are given back
 * - `forget`: a pool in use, in which some requests forget to give back their connection
 * - `spare`: a pool that fills itself, with few requests
 * - `rotate`: as `busy`, and each connection is replaced after two seconds
 * - `unread`: a large result is not read on
 * - `reconnect`: opens each connection again at once when it is lost
 * - `monitor`: reads pg_stat_activity every second
 */
export type Mode =
  | 'leak'
  | 'leak-in-transaction'
  | 'leak-after-commit'
  | 'rest'
  | 'busy'
  | 'grow'
  | 'forget'
  | 'spare'
  | 'rotate'
  /** Opens all connections one by one, and tests each. */
  | 'fill'
  | 'unread'
  | 'reconnect'
  | 'monitor';

/** One service: its processes and what the report must say. */
export interface Service {
  /**
   * The name in the report. A pooler may go by the name of any client. Where several have one name, what is expected of
   * the first is expected of all.
   */
  readonly service: string | RegExp;
  /** What the report must say. Of several, any; the first is the one in the matrix. */
  readonly expected: Verdict | readonly [Verdict, ...Verdict[]];
  readonly client: ClientName;
  readonly mode: Mode;
  /** Connections of each process. */
  readonly connections: number;
  /**
   * What each process calls itself; `null` leaves it to the driver.
   *
   * @default - the service, with the suffix of a pod where it ends with `*`
   */
  readonly name?: null | ((process: number) => string);
  /** @default 'shop' */
  readonly role?: (typeof ROLES)[number];
  /** @default 'carts' */
  readonly table?: (typeof TABLES)[number];
  /** Processes at one address. @default 1 */
  readonly processes?: number;
  /** Between the starts of two processes. @default 0 */
  readonly startMs?: number;
  /** Addresses. @default 1 */
  readonly pods?: number;
  /** Services with the same host share an address. @default - an address of its own for each pod */
  readonly host?: string;
  /** Requests at once. @default - one for a leak; as many as connections for a pool */
  readonly callers?: number;
  /** Between two requests of a caller. */
  readonly pauseMs?: number;
  /** How long its statement takes. @default 0 */
  readonly queryMs?: number;
  /** The pooler that it connects through. */
  readonly through?: string;
  /** How long after the scenario's start this service starts, by the server's clock. @default 0 */
  readonly afterSeconds?: number;
  /** Its processes are stopped once they run. */
  readonly frozen?: boolean;
}

/** Services on one server. */
export interface Scenario {
  readonly name: string;
  /** It belongs to the subset that `--quick` runs. */
  readonly quick?: boolean;
  /** @default 100 */
  readonly maxConnections?: number;
  /** How long the connections are left alone before the report, by the server's clock. @default 600 */
  readonly ageSeconds?: number;
  /** The server's clock runs ahead by this while clients start, ten times a second: what takes hours happens in seconds. */
  readonly hurrySeconds?: number;
  /** Sweeps that terminate what was idle for a second, before the report. */
  readonly sweeps?: number;
  /** Reports before the one that is judged: the function is warm and remembers them. @default 0 */
  readonly looks?: number;
  /** PgBouncers, by the name that services refer to. */
  readonly poolers?: Readonly<Record<string, { readonly mode: 'transaction' | 'session'; readonly size: number }>>;
  readonly services: readonly Service[];
}

/** What is expected of a service. */
export function expectedOf({ expected }: Service): readonly [Verdict, ...Verdict[]] {
  return typeof expected === 'string' ? [expected] : expected;
}

/** Is it a verdict that accuses a service of a leak? */
export function isLeak(verdict: string): boolean {
  return verdict === 'leak' || verdict === 'leak_in_transaction';
}
