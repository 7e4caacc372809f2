/**
 * What the reaper allows itself, so that it can't become the database's problem. Imports nothing, for whoever tells of it.
 */

/** On each of its sessions, of which a run has one an instance. */
export const SESSION_LIMITS = {
  /** TCP, TLS and login together. */
  connectMs: 5_000,
  /** A first, trivial statement. */
  firstAnswerMs: 3_000,
  /** A snapshot of 4,000 backends takes 60 ms and a batch of signals 60 ms; this is for a server in distress. */
  statementMs: 10_000,
  /** ALTER ROLE waits for another ALTER of the same role. */
  lockMs: 2_000,
  /**
   * A session of ours that is silent for so long is lost: its function is frozen, or its host is gone. The server ends it
   * (from version 14 on, and on every version when the host no longer answers), or else the next run does.
   */
  idleMs: 20_000,
  /** The goodbye, before the socket is cut. */
  closeMs: 1_000,
} as const;

/** On what a run does. */
export const RUN_LIMITS = {
  /** The CONNECTION LIMIT that its role is made with: two runs, one that is closing, and a person. */
  ownConnections: 4,
  /**
   * How long to repeat the login at a full server. Each login in progress holds a slot. In a storm of 50 reconnecting
   * clients a single attempt by a reserved slot gets in 7 times of 100. Half of the runs are in within 1.4 s, and the worst
   * took 7.2 s.
   */
  loginRetryMs: 20_000,
  /**
   * How many backends one statement signals. A hundred take 50 to 60 ms: long enough to be worth the round trip, short
   * enough that few of them wake up meanwhile.
   */
  signalsPerStatement: 100,
  /**
   * How often a backend is left for another try, because the server was kept from its signal after it had read the state.
   * After that it is signalled all the same: on a server that is always so busy nothing would ever be terminated.
   */
  patientPasses: 4,
  /**
   * The most data one PutMetricData request may carry. With names of bounded length a thousand of ours are 0.4 MB at most,
   * so the other limit, 1 MB, is never near.
   *
   * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
   */
  datapointsPerRequest: 1_000,
  /** How many names, of applications and of roles each, may get metric series of their own in an hour. */
  newNamesPerHour: 20,
} as const;

/** On looking for temporary tables in databases other than the one logged in to, in all of them together. */
export const TEMPORARY_TABLE_LIMITS = {
  /** From this share of the usable slots on, none is taken for looking. */
  maxUsedPercent: 90,
  maxDatabases: 5,
  timeMs: 5_000,
} as const;

/** On what is asked of AWS. An endpoint out of reach must cost seconds, not the run. */
export const AWS_LIMITS = {
  /** Until a connection is there, the look-up of the endpoint's name included. */
  connectMs: 1_500,
  /** Until an answer of Secrets Manager begins, the connection included. CloudWatch may take what `callMs` leaves. */
  answerMs: 3_000,
  /** After the first one there is one more; of a request for metrics only where the first one can't have been taken. */
  attempts: 2,
  /** Both attempts, the pause between them, and the answer to its end; for a run's metrics, all requests together. */
  callMs: 7_000,
} as const;
