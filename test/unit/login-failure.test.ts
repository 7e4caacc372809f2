import pg from 'pg';
import { describe, expect, it } from 'vitest';
import type { LoginWay } from '../../lambda/diagnosis/login-facts.js';
import { describeFailure } from '../../lambda/login/login-failure.js';

const TOKEN = { username: 'Reaper', password: 'X-Amz-Signature' };

const TARGET = {
  inSettings: {
    name: 'writer',
    address: { host: 'orders.abc.eu-west-1.rds.amazonaws.com', port: 5432 },
    databaseName: undefined,
    sslMode: 'verify-full',
    sslRootCert: undefined,
    rescueLogin: 'off',
  },
  own: { secretArn: undefined, hidden: {} },
} as const;

/** As RDS refuses a token, whatever the reason. */
function refusedToken(way: LoginWay): string {
  const cause = new pg.DatabaseError('PAM authentication failed for user "Reaper"', 0, 'error');
  Object.assign(cause, { severity: 'FATAL', code: '28000' });
  return describeFailure(way, TARGET, {
    credentials: TOKEN,
    secretArn: undefined,
    byToken: true,
    cause,
    refusal: null,
  });
}

describe('a token that RDS refuses', () => {
  it('is told with all that it takes, since RDS does not say which of it was missing', () => {
    expect(refusedToken('own')).toBe(
      'could not log in to "writer" at orders.abc.eu-west-1.rds.amazonaws.com:5432 as Reaper: 28000: PAM authentication ' +
        'failed for user "Reaper"; for a login by token the role must be a member of rds_iam (GRANT rds_iam TO "Reaper"), ' +
        'IAM authentication on at this instance or its cluster, the function allowed rds-db:connect as Reaper on its ' +
        'resource id (db-... or cluster-...), and the host its real endpoint and no alias',
    );
  });

  it('is told with what a walsender needs beside, where it was a rescue login', () => {
    expect(refusedToken('rescue')).toBe(
      `${refusedToken('own').replace('as Reaper:', 'as Reaper (rescue login as a walsender):')}; ` +
        'as a walsender it also takes rds.iam_auth_for_replication = 1',
    );
  });
});
