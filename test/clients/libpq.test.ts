import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startDatabase, type TestDatabase } from '../support/database.js';
import { startClient } from './client-process.js';
import { asClient, reap } from './reap.js';

let database: TestDatabase;

beforeAll(async () => {
  database = await startDatabase();
});

afterAll(() => database?.[Symbol.asyncDispose]());

const PSQL = ['psql', '--no-psqlrc', '--quiet', '--tuples-only', '--pset=pager=off'];

describe('psql', () => {
  it('at a terminal fails one statement, and connects again by itself', async () => {
    // It asks whether its stdin is a terminal; script gives it one.
    const args = ['--quiet', '--flush', '--return', '--command', PSQL.join(' '), '/dev/null'];
    await using client = await startClient('script', args, asClient(database, 'terminal'));
    await client.tell('select 11 + 11;', / 22\r?\n/);
    await reap(database, 'terminal');
    await client.tell('select 33 + 33;', /FATAL: {2}terminating connection due to administrator command/);
    await client.says(/The connection to the server was lost. Attempting reset: Succeeded/);
    await client.tell('select 22 + 22;', / 44\r?\n/);
    expect(client.output()).not.toMatch(/ 66\r?\n/);
  });

  it('in a script ends with 2', async () => {
    const [psql = '', ...args] = PSQL;
    await using client = await startClient(psql, args, asClient(database, 'script'));
    await client.tell('select 11 + 11;', / 22\n/);
    await reap(database, 'script');
    await client.tell('select 33 + 33;', /connection to server was lost/);
    expect(await client.exitCode()).toBe(2);
  });
});

/** Tries a statement for each line, and tells how it went; then whether the connection is closed. */
const PROGRAM = `
import sys, psycopg2

def connect():
    connection = psycopg2.connect('')
    connection.autocommit = True
    return connection

def attempt(statement):
    try:
        cursor = connection.cursor()
        cursor.execute(statement)
        return cursor.fetchone()[0]
    except psycopg2.OperationalError as error:
        return 'OperationalError'
    except psycopg2.Error as error:
        return type(error).__name__

connection = connect()
for line in sys.stdin:
    if line.startswith('ping'):
        if attempt('select 1') != 1:
            connection = connect()
        print('pinged', flush=True)
    else:
        print(attempt(line), connection.closed, '.', flush=True)
`;

/** Not the first python3 on the path, which need not be the one that has Debian's packages. */
const PYTHON = '/usr/bin/python3';

describe('psycopg2', () => {
  it('fails every statement of the connection, until a new one is made', async () => {
    await using client = await startClient(PYTHON, ['-c', PROGRAM], asClient(database, 'unaware'));
    await client.tell('select 11 + 11', /22 0 \./);
    await reap(database, 'unaware');
    // An AdminShutdown, which is one, or without a SQLSTATE, by what libpq notices first.
    await client.tell('select 11 + 11', /OperationalError 2 \./);
    await client.tell('select 11 + 11', /InterfaceError 2 \./);
    await client.tell('ping', /pinged/);
    await client.tell('select 11 + 11', /22 0 \./);
  });

  it('fails no statement when the connection is tested before use', async () => {
    await using client = await startClient(PYTHON, ['-c', PROGRAM], asClient(database, 'pinging'));
    await client.tell('select 11 + 11', /22 0 \./);
    await reap(database, 'pinging');
    await client.tell('ping', /pinged/);
    await client.tell('select 11 + 11', /22 0 \./);
    expect(client.output()).not.toMatch(/Error/);
  });
});
