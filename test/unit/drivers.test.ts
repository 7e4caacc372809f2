import { describe, expect, it } from 'vitest';
import { DRIVERS, recogniseDriver, UNKNOWN_DRIVER } from '../../lambda/diagnosis/drivers.js';
import { redactStatement } from '../../lambda/diagnosis/statement.js';

/** What is recognised in statements as they are sent. */
function recognised(sent: readonly string[], applicationNames: readonly string[] = ['']): string | null {
  const redacted = sent.map(redactStatement);
  const statements = redacted.map(({ text }) => text);
  return recogniseDriver({ applicationNames, statements, tags: redacted.map(({ tags }) => tags) })?.name ?? null;
}

const JDBC = 'JDBC (HikariCP, DBCP2, tomcat-jdbc)';

describe('a driver is recognised', () => {
  it.each([
    ['postgres.js', 'postgres.js'],
    ['PostgreSQL JDBC Driver', JDBC],
    ['psql', 'psql'],
    ['checkout', null],
    ['my psql', null],
  ])('by its application name: %s', (name, want) => {
    expect(recognised(['select 1'], [name])).toBe(want);
  });

  it.each([
    ['knex', 'select version();'],
    ['TypeORM', 'SELECT * FROM current_schema()'],
    ['Sequelize', "SET client_min_messages TO warning;SET TIME ZONE INTERVAL '+00:00' HOUR TO MINUTE"],
    [
      'Sequelize',
      "SET standard_conforming_strings=on;SET client_min_messages TO warning;SET TIME ZONE INTERVAL '+00:00' HOUR TO MINUTE",
    ],
    ['Sequelize', 'SELECT 1+1 AS result'],
    ['SQLAlchemy', 'select pg_catalog.version()'],
    ['Django', 'FETCH FORWARD 2000 FROM "_django_curs_140737350_sync_1"'],
    ['asyncpg', '\nSELECT pg_advisory_unlock_all();\nCLOSE ALL;\nUNLISTEN *;\nRESET ALL;\n'],
    ['ActiveRecord', "SET SESSION timezone TO 'UTC'"],
    [JDBC, 'SET extra_float_digits = 3'],
    ['PHP PDO', 'DEALLOCATE pdo_stmt_00000001'],
    ['PgBouncer', "SET application_name='shop';"],
    ['PgBouncer', "SET client_encoding='UTF8';SET application_name='shop';"],
    [
      'postgres.js',
      'select b.oid, b.typarray\n from pg_catalog.pg_type a\n left join pg_catalog.pg_type b on b.oid = a.typelem',
    ],
  ])('by what it sends of its own: %s', (name, sent) => {
    expect(recognised(['COMMIT', sent])).toBe(name);
  });

  const COLUMNS = Array.from({ length: 30 }, (_, index) => `"shop_order"."column_${index}"`).join(', ');

  it.each([
    [
      'Django',
      'SELECT "shop_order"."id", "shop_order"."a", "shop_order"."b" FROM "shop_order" WHERE "shop_order"."id" = 7 LIMIT 21',
    ],
    ['Django', `SELECT ${COLUMNS} FROM "shop_order"`, 'UPDATE "shop_order" SET "a" = 7'],
    ['ActiveRecord', 'SELECT "orders".* FROM "orders" WHERE "orders"."id" = $1 LIMIT $2'],
    ['SQLAlchemy', 'SELECT orders.id AS orders_id, orders.total AS orders_total \nFROM orders \nWHERE orders.id = 7'],
    [
      'Prisma',
      'SELECT "public"."User"."id", "public"."User"."email" FROM "public"."User" WHERE "public"."User"."id" = $1 LIMIT $2',
    ],
    ['Prisma', 'SELECT "public"."User"."id" FROM "public"."User" WHERE 1=1 OFFSET $1'],
    [
      'TypeORM',
      'SELECT "Order"."id" AS "Order_id", "Order"."total" AS "Order_total" FROM "order" "Order" WHERE "Order"."id" = $1',
    ],
    ['Sequelize', `SELECT "id", "createdAt" FROM "Orders" AS "Order" WHERE "Order"."id" = 7;`],
    [JDBC, 'select o1_0.id,o1_0.total from orders o1_0 where o1_0.id=$1'],
    [JDBC, 'select order0_.id as id1_0_, order0_.total as total2_0_ from orders order0_'],
    ['Npgsql', 'SELECT o."Id", o."Total" FROM "Orders" AS o WHERE o."Id" = $1 LIMIT 2'],
  ])('by how its framework writes a query: %s', (name, ...sent) => {
    expect(recognised(sent)).toBe(name);
  });

  it.each([
    ['Django', "db_driver='django.db.backends.postgresql',framework='django%3A5.2'"],
    ['ActiveRecord', "framework='rails_v7.1',controller='carts'"],
    ['knex', "db_driver='knex%3A0.20.10'"],
    ['Sequelize', "db_driver='sequelize%3A6.37'"],
    ['psycopg2', "db_driver='psycopg2%3A2.9.9%20%28dt%20dec%20pq3%20ext%20lo64%29'"],
    ['psycopg 3', "db_driver='psycopg%3A3.3'"],
    ['Go database/sql', "db_driver='database/sql%3Apostgres'"],
    ['pgxpool', "db_driver='pgx'"],
    ['node-postgres', "db_driver='pg'"],
    [null, "db_driver='psycopg2'"],
    [null, "framework='express'"],
  ])('by a tag: %s', (name, tags) => {
    expect(recognised([`select 1 /*${tags}*/`])).toBe(name);
  });

  it('as the framework above its driver', () => {
    expect(recognised(["select 1 /*db_driver='psycopg2%3A2.9'*/", 'select pg_catalog.version()'])).toBe('SQLAlchemy');
  });

  it('as PgBouncer where the application behind it shows too', () => {
    expect(recognised(["SET application_name='shop';", 'SELECT "a".* FROM "a"'])).toBe('PgBouncer');
  });
});

describe('a driver is unknown', () => {
  it.each([
    ['what many send', '', ';', 'COMMIT', 'commit', 'ROLLBACK', 'DISCARD ALL', 'SELECT 1', 'select 1', 'BEGIN'],
    ['settings of an application', "SELECT set_config('TimeZone', 'UTC', false)", "SET application_name = 'shop'"],
    ['a query of Diesel', 'SELECT "a"."b", "a"."c", "a"."d" FROM "a" WHERE "a"."b" = $1', "select 'x'"],
    ['one column with its table', 'SELECT "orders"."id" FROM "orders" WHERE "orders"."id" = 7'],
    ['a query of knex, drizzle or Laravel', 'select "id" from "users" where "users"."id" = $1 limit $2'],
    ['a query of Ecto', 'SELECT o0."id", o0."total" FROM "orders" AS o0 WHERE (o0."id" = $1)'],
    ['two platforms', 'SELECT "a".* FROM "a"', 'select pg_catalog.version()'],
    ['a framework and a driver of two platforms', 'SELECT "a".* FROM "a"', 'SET extra_float_digits = 3'],
    ['two frameworks of one platform', 'select version();', 'SELECT 1+1 AS result'],
  ])('by %s', (_, ...sent) => {
    expect(recognised(sent)).toBeNull();
  });

  it("by the statements of PostgreSQL's own programs", () => {
    expect(recognised(['SET extra_float_digits = 3'], ['postgres_fdw'])).toBeNull();
  });
});

describe('the advice', () => {
  it.each([...DRIVERS, UNKNOWN_DRIVER].map((driver) => [driver.name, driver] as const))(
    'of %s is short',
    (_, driver) => {
      const lines = [
        ...driver.fix,
        driver.find,
        driver.afterTermination,
        ...(driver.harm === null ? [] : [driver.harm]),
      ];
      expect(driver.fix.length).toBeLessThanOrEqual(2);
      expect(lines.filter((line) => line.length >= 100 || line !== line.trim() || line === '')).toEqual([]);
    },
  );

  it('names each driver once', () => {
    expect(new Set(DRIVERS.map(({ name }) => name)).size).toBe(DRIVERS.length);
  });
});
