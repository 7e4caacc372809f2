import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startDatabase, type TestDatabase } from '../support/database.js';
import { HOSTILE_SETTINGS } from '../support/hostile-settings.js';
import { type Ran, ran } from '../support/shell.js';

/** The psql to test with. PostgreSQL's programs for tests bring none, so PSQL names one. */
const psql = process.env['PSQL'];

const SCRIPT = fileURLToPath(new URL('../../infra/grants.sql', import.meta.url));

describe.runIf(psql !== undefined)('infra/grants.sql, run by psql,', () => {
  let database: TestDatabase;

  beforeAll(async () => {
    database = await startDatabase();
    await database.admin.query('drop owned by connection_reaper; drop role connection_reaper');
  });

  afterAll(() => database[Symbol.asyncDispose]());

  async function run(variables: readonly string[]): Promise<Ran> {
    return runWith(['database=orders', ...variables]);
  }

  async function runWith(variables: readonly string[], ...more: readonly string[]): Promise<Ran> {
    const { user, password } = database.server.superuser;
    const args = [
      '-X',
      database.server.url(user, password),
      ...variables.flatMap((one) => ['-v', one]),
      '-f',
      SCRIPT,
      ...more,
    ];
    return ran(psql ?? '', args);
  }

  async function limitedRoles(): Promise<readonly string[]> {
    const { rows } = await database.admin.query('select connection_reaper.limited_roles() as roles');
    return rows[0].roles;
  }

  it('sets up the role, twice in a row', async () => {
    const variables = ['reaper=connection_reaper', 'limited_roles=checkout  billing '];
    expect(await run(variables)).toMatchObject({ code: 0, stderr: '' });
    expect(await run(variables)).toMatchObject({ code: 0, stderr: '' });
    expect(await limitedRoles()).toEqual(['checkout', 'billing', 'checkout_clone', 'billing_clone']);
  });

  it('does with no limits, and with a role that goes by its usual name, when it is told nothing', async () => {
    expect(await run([])).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('connection_reaper') });
    expect(await limitedRoles()).toEqual([]);
  });

  it('makes a role that logs in by token, and one that does not', async () => {
    const members = async () =>
      (
        await database.admin.query(
          "select member::regrole::text from pg_auth_members where roleid = 'rds_iam'::regrole",
        )
      ).rows;
    expect(await run(['iam=on'])).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('there is no role rds_iam'),
    });
    await database.admin.query('create role rds_iam');
    expect(await run(['iam=on'])).toMatchObject({ code: 0, stderr: '' });
    expect(await members()).toEqual([{ member: 'connection_reaper' }]);
    expect(await run([])).toMatchObject({ code: 0, stderr: '' });
    expect(await members()).toEqual([]);
  });

  it('takes names as they are', async () => {
    const odd = `reaper=o'dd"; $create$; $function$; drop role checkout; --`;
    const { code, stderr } = await run([odd, "limited_roles=bill'ing ;\\q"]);
    expect(code).toBe(0);
    expect(stderr).toContain(`These roles do not exist yet, and get their limits once they do: ";\\q", "bill'ing"`);
    const { rows } = await database.admin.query(
      "select rolname from pg_roles where rolname ~ '^(o.dd|checkout)' order by 1",
    );
    expect(rows).toEqual([{ rolname: 'checkout' }, { rolname: `o'dd"; $create$; $function$; drop role checkout; --` }]);
  });

  it.each([
    [['rescue_login=on'], 'rescue_login: expected off or replication, got "on"'],
    [['iam=maybe'], 'iam: expected on or off, got "maybe"'],
    [['adopt=yes'], 'adopt: expected on or off, got "yes"'],
    [
      ['database=my orders'],
      'database: expected 1 to 64 letters, digits, ".", "_" or "-", as in the settings, got "my orders"',
    ],
    [
      ['iam=', "rescue_login=repl'ication"],
      `rescue_login: expected off or replication, got "repl'ication"; iam: expected on or off, got ""`,
    ],
  ])('fails with the name of the variable for an invalid value: %s', async (variables, message) => {
    expect(await run(variables)).toMatchObject({ code: 3, stderr: expect.stringContaining(`ERROR:  ${message}\n`) });
  });

  it('fails without the name of the database', async () => {
    expect(await runWith(['limited_roles=checkout'])).toMatchObject({
      code: 3,
      stderr: expect.stringContaining(
        'ERROR:  database: missing. Name it as the settings do, such as -v database=orders\n',
      ),
    });
  });

  it('leaves the role of another reaper alone, until it is told to adopt it', async () => {
    const marks = async () =>
      (await database.admin.query("select shobj_description('connection_reaper'::regrole, 'pg_authid') as mark")).rows;
    await run([]);
    expect(await runWith(['database=billing'])).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('the role connection_reaper is that of the reaper of orders\nHINT: '),
    });
    expect(await marks()).toEqual([{ mark: 'Connection Reaper: orders' }]);
    expect(await runWith(['database=billing', 'adopt=on'])).toMatchObject({ code: 0, stderr: '' });
    expect(await marks()).toEqual([{ mark: 'Connection Reaper: billing' }]);
    expect(await run(['adopt=on'])).toMatchObject({ code: 0, stderr: '' });
  });

  it.each(HOSTILE_SETTINGS)('ignores the settings of the database and the role: %s = %s', async (setting, value) => {
    const owners = ['database postgres', `role ${database.server.superuser.user}`];
    await database.admin.query(owners.map((owner) => `alter ${owner} set ${setting} = '${value}';`).join(''));
    try {
      // By a name of its own, so that all of it is to be done.
      const variables = ['database=orders', 'reaper=hostile_reaper', 'limited_roles=NULL sales'];
      const { code, stdout, stderr } = await runWith(variables, '-c', `show ${setting}`);
      expect(stderr).toContain('These roles do not exist yet, and get their limits once they do: "NULL", sales\n');
      expect(code).toBe(0);
      // No wait makes the difference here, so that the setting itself must tell.
      if (setting.endsWith('_timeout')) expect(stdout.trim().split('\n').slice(-2)[0]?.trim()).toBe('0');
    } finally {
      await database.admin.query(owners.map((owner) => `alter ${owner} reset ${setting};`).join(''));
    }
    const { rows } = await database.admin.query('select hostile_reaper.limited_roles() as roles');
    expect(rows).toEqual([{ roles: ['NULL', 'sales', 'NULL_clone', 'sales_clone'] }]);
    await database.admin.query(
      'drop schema hostile_reaper cascade; drop owned by hostile_reaper; drop role hostile_reaper',
    );
  });

  it('fails with what to do when it cannot do all of it', async () => {
    expect(await run(['limited_roles=checkout postgres'])).toMatchObject({
      code: 3,
      stderr: expect.stringMatching(/ERROR: {2}superusers, whom no .*: postgres\nHINT: {2}Leave them out/),
    });
  });
});
