import { describe, expect, it } from 'vitest';
import { redactStatement } from '../../lambda/diagnosis/statement.js';

describe('the text of a statement', () => {
  type Case = readonly [name: string, text: string, want: string];

  const literals: readonly Case[] = [
    ['strings', `select 'a', E'b\\'c', e'd''e', U&'d\\0061t', N'f', B'01', x'1F', ''`, 'select ?, ?, ?, ?, ?, ?, ?, ?'],
    ['dollar quotes', 'select $$a $b$ $$, $b_1$c $$ d$b_1$, $é$e$é$', 'select ?, ?, ?'],
    ['numbers', 'select 1, .5, 1.5e-3, 0x1F, 0b01, 1_000, 123abc, -5 + -3', 'select ?, ?, ?, ?, ?, ?, ?, ? + ?'],
    ['no digit of a name', 'select t1.c_2, "3d" from t1 where a$4 = 5', 'select t1.c_2, "3d" from t1 where a$4 = ?'],
    ['a sign, not a subtraction', 'where a = -1 and b between -2 and c -3', 'where a = ? and b between ? and c -?'],
    ['no parameters', 'where a = $1 and b = $65535::int', 'where a = $1 and b = $65535::int'],
    ['a value that looks like a parameter', 'where a = $4111111111111111', 'where a = ?'],
    [
      'true and false',
      'set_config($1, true) where a = false and b is not true',
      'set_config($1, ?) where a = ? and b is not true',
    ],
    ['comments', "select 1 -- it's\n, /* a /* b */ ' */ 2 --c", 'select ? , ?'],
    [
      'casts and JSON operators',
      `select 'a'::text, d->>'b' from t where d ? 'c'`,
      'select ?::text, d->>? from t where d ? ?',
    ],
    [
      'the value of a setting',
      'SET LOCAL search_path TO a, "b"; SET x.y=64MB;select 1',
      'SET LOCAL search_path TO ?; SET x.y=?;select ?',
    ],
    ['a time zone', "SET TIME ZONE INTERVAL '+00:00' HOUR TO MINUTE", 'SET TIME ZONE ?'],
    ['the setting of a role', 'ALTER ROLE "r" SET work_mem = high', 'ALTER ROLE "r" SET work_mem = ?'],
    ['no column of an update', 'UPDATE t SET a = b, c = 1', 'UPDATE t SET a = b, c = ?'],
    [
      'no isolation level',
      'SET TRANSACTION ISOLATION LEVEL READ COMMITTED',
      'SET TRANSACTION ISOLATION LEVEL READ COMMITTED',
    ],
  ];

  it.each(literals)('loses its literals: %s', (_, text, want) => {
    expect(redactStatement(text).text).toBe(want);
  });

  const lists: readonly Case[] = [
    ['IN', "id in (1, 'a', null, -2) and b IN ($1,$2) and c in(3)", 'id in (…) and b IN (…) and c in (…)'],
    ['IN with casts and rows', "(a, b) in ((1, 'x'::text), ($1, $2))", '(a, b) in (…)'],
    ['a subquery is no list', 'id in (select a from t where b in (1, 2))', 'id in (select a from t where b in (…))'],
    [
      'VALUES',
      'insert into t (a) values (1, now()), ($1, default) returning a',
      'insert into t (a) values (…) returning a',
    ],
    ['VALUES, cut', 'insert into t (a) values (1, now()), (', 'insert into t (a) values (…)'],
    ['VALUES, cut after a comma', 'insert into t (a) values (1, now()),', 'insert into t (a) values (…)'],
    ['ARRAY', 'a = any(ARRAY[1, 2]::int[]) and b[1] = 2', 'a = any(ARRAY[…]::int[]) and b[?] = ?'],
  ];

  it.each(lists)('folds lists of values: %s', (_, text, want) => {
    expect(redactStatement(text).text).toBe(want);
  });

  const broken: readonly Case[] = [
    ['a quote inside of a string', "select a from t where b = 'O'Brien' and c = 1", 'select a from t where b = …'],
    ['the same, later', "where a = 'x' and b = 'dogs' secret ' and c", 'where a = …'],
    ['the same, cut', "where a = 'x' and b = 'dogs' secret", 'where a = …'],
    ['JSON in a string', `set a = '{"b": 'c', "d": "e"}' where f = 1`, 'set a = …'],
    ['two strings side by side', "where a = 'b' 'c'", 'where a = …'],
    ['no first quote', "where a > 1 and b = my secret' and c = 'd", 'where a > ? and b = …'],
    ['a string cut at the end', "where a = 'b' and c = 'd", 'where a = …'],
    ['a dollar quote cut at the end', 'do $a$ begin $$', 'do …'],
    ['a dollar tag cut at the end', 'do $secr', 'do ?'],
    ['a dollar quote that touches a word', 'create function f() as$$ secret $$', 'create function f() …'],
    ['a backslash that may escape the quote', "where a = 'b' and c = 'd\\' and e = 'f'", 'where a = ? and c = …'],
    ['a backslash that escapes no quote', "where a = 'b\\\\' and c = 'd\\e'", 'where a = ? and c = ?'],
    ['a backslash before two quotes', "where a = 'b\\'' or ''='", 'where a = …'],
    ['a name cut at the end', 'select "a", "sec', 'select "a", …'],
    ['an unpaired quote of a name', `select "a from t where b = 'c' and "d" = 'e'`, 'select …'],
    ['a name that holds a string', `select "a = 'secret'" from t`, 'select …'],
    ['a word too long for a name', `select ${'a'.repeat(64)}, ${'b'.repeat(63)}`, `select ?, ${'b'.repeat(63)}`],
    ['a name too long', `select "${'a'.repeat(64)}", "${'b'.repeat(63)}"`, `select "…", "${'b'.repeat(63)}"`],
    ['a symbol that SQL does not have', "where a = 'b' and c = {d: secret}", 'where a = …'],
    ['the end of a comment that began in a string', "'/* a ' */ set b to secret", '…'],
    ['a quote that touches a number', 'where a = 73"4"', 'where a = ? …'],
    ['a comment cut at the end', 'select 1 /* /* */ secret', 'select ?'],
  ];

  it.each(broken)('shows only what is certain where it is cut or broken: %s', (_, text, want) => {
    expect(redactStatement(text).text).toBe(want);
  });

  it('is one printable line of at most 300 characters', () => {
    const hostile = '\n select\t\u0000a\u001b[2,\u2028b\u202e, größe\u00a0, "ç" ';
    expect(redactStatement(hostile).text).toBe('select a [?, b, größe , "ç"');
    const { text } = redactStatement(`select ${'😀'.repeat(10)}, ${'a, '.repeat(200)}`);
    expect([text.length, text.at(-1)]).toEqual([300, '…']);
    expect(redactStatement(`select "a", ${'"😀😀" '.repeat(100)}`).text).not.toMatch(/\p{Surrogate}/u);
  });

  it.each([
    ["'a'", "'it''s'"],
    ['1', '-2.5e10'],
    ['in (1)', "in ('a', 'b', $1)"],
    ['values (1, 2)', 'values (1, 2), (3, 4), (5, 6'],
    ['a\n  b', 'a b'],
    ['a/* 1 */ b', 'a /* 2 */b -- 3'],
  ])('is equal where only literals, lists or white space differ: %j and %j', (one, other) => {
    const start = 'select x from t where y = ';
    expect(redactStatement(start + one).text).toBe(redactStatement(start + other).text);
  });
});

describe('the tags of a statement', () => {
  it.each([
    [
      'SQLCommenter',
      "select 1 /*action='show',controller='carts',db_driver='django%3A4',route='%2Fcarts%2F%7Bid%7D%3Fsecret',traceparent='00-1'*/",
      { action: 'show', controller: 'carts', db_driver: 'django:4', route: '/carts/{id}' },
    ],
    [
      'Marginalia',
      '/*application:Shop,controller:Admin::Carts,action:show,line:/app/secret.rb,job:Mail*/ select 1',
      { application: 'Shop', controller: 'Admin::Carts', action: 'show', job: 'Mail' },
    ],
    ['a quote inside of a value', "select 1 /* action = 'it\\'s' */", { action: "it's" }],
    ['a value that is not encoded', "select 1 /*action='100%'*/", { action: '100%' }],
    ['a value without its quotes', "select 1 /*action='secret*/", {}],
    ['a comment cut at the end', "select 1 /*action='show',controller='car'", { action: 'show' }],
    ['the first of two', '/*job:a*/ select 1 /*job:b*/', { job: 'a' }],
    ['control characters', '/*job:a%0a\u001b[31m\u202eb\u2028c*/', { job: 'a%0a[31mb c' }],
    ['encoded control characters', "/*job='a%0A%1B[31m%E2%80%A8b'*/", { job: 'a[31m b' }],
    ['a long value', `/*job:${'a'.repeat(101)}*/`, { job: 'a'.repeat(100) }],
    ['other comments', "-- job:a\n select '/*job:b*/' /* constructor:c, see job */", {}],
    ['behind a quote that is not certain', "/*job:a*/ where b = 'O'Brien /*action:secret*/ '", { job: 'a' }],
    ['behind the first string of a cut text', "/*job:a*/ where b = 'c' /*action:d*/ and e = 'f", { job: 'a' }],
  ])('%s', (_, text, want) => {
    expect(redactStatement(text).tags).toEqual(want);
  });
});

describe('a secret', () => {
  const SECRET = 'Zk7§Wq9Xv';
  const DIGITS = '7305918264';

  /** Numbers that look random and are the same in each run. */
  function randomNumbers(seed: number): (below: number) => number {
    let state = seed;
    return (below) => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
  }

  const STRINGS = [
    `'${SECRET}'`,
    `'it''s ${SECRET} "x" -- $$ /* '`,
    `E'\\'${SECRET}\\\\'`,
    `e'${SECRET}\\n''${SECRET}'`,
    `U&'${SECRET}\\0061'`,
    `N'${SECRET}'`,
    `B'${DIGITS}'`,
    `X'${DIGITS}'`,
    `$$${SECRET} 'a' $b$$$`,
    `$tag$${SECRET} $$ ' ${SECRET}$tag$`,
  ];
  const NUMBERS = [DIGITS, `-${DIGITS}.${DIGITS}`, `.${DIGITS}e-7305`, `0x${DIGITS}`, '7_305_918_264', `1${SECRET}`];
  const COMMENTS = [
    `/* ${SECRET} ' */ `,
    `/*a /* ${SECRET} */ " ${SECRET}*/`,
    `-- ${SECRET} '\n`,
    `/*user='${SECRET}'*/`,
  ];
  const VALUES = [...STRINGS, ...NUMBERS];

  function aStatement(random: (below: number) => number): string {
    const one = (texts: readonly string[]) => texts[random(texts.length)] as string;
    const value = () => one(VALUES) + (random(8) === 0 ? ` ${one(COMMENTS)}` : '');
    const list = () => Array.from({ length: 1 + random(3) }, value).join(', ');
    const statement = one([
      `select "a", b.c from "d" where e = ${value()} and "f" in (${list()}) or g like ${value()} limit ${value()}`,
      `INSERT INTO t ("a", b) VALUES (${list()}), (${list()}) RETURNING "id"`,
      `update t set a = ${value()}, "b" = ARRAY[${list()}] where c = ${value()}::uuid and "d" = e`,
      `SET LOCAL a.b TO ${SECRET}, ${SECRET}; select "a" from f(${list()}) as "b"`,
      `alter role "r" set x = ${value()}; set time zone ${SECRET}`,
      `select d->>${value()}, "e" from t where f between ${value()} and ${value()}`,
    ]);
    return random(3) === 0 ? `${one(COMMENTS)}${statement}` : statement;
  }

  /** Every run of 4 characters of a secret. */
  const PIECES = [SECRET, DIGITS].flatMap((secret) =>
    Array.from({ length: secret.length - 3 }, (_, at) => secret.slice(at, at + 4)),
  );

  function survivors(text: string): readonly string[] {
    const { text: shown, tags } = redactStatement(text);
    const all = shown + JSON.stringify(tags);
    return PIECES.filter((piece) => all.includes(piece));
  }

  function cuts(text: string): readonly string[] {
    const bytes = Buffer.from(text);
    return Array.from({ length: bytes.length + 1 }, (_, length) => bytes.subarray(0, length).toString());
  }

  it('never survives in any literal, wherever the text is cut', () => {
    const random = randomNumbers(1);
    const leaks = Array.from({ length: 150 }, () => aStatement(random))
      .flatMap(cuts)
      .filter((text) => survivors(text).length > 0);
    expect(leaks).toEqual([]);
  });

  it('never survives next to one more quote or backslash at any place, wherever the text is cut', () => {
    const random = randomNumbers(2);
    const leaks = Array.from({ length: 1500 }, () => {
      const text = aStatement(random);
      const at = random(text.length + 1);
      return `${text.slice(0, at)}${`'"\\`[random(3)]}${text.slice(at)}`;
    })
      .flatMap((text) => [text, ...[1, 2, 3].map(() => text.slice(0, random(text.length)))])
      .filter((text) => survivors(text).length > 0);
    expect(leaks).toEqual([]);
  });
});

it('takes a time in line with the length of the text', () => {
  const patterns = [
    "'",
    "''",
    '"',
    '/*',
    '$a',
    '$$ $a$ ',
    '-',
    '1-',
    "'\\",
    'a',
    ' \n',
    'values ((',
    'in (:',
    'array[:',
    "'a', ",
  ];
  const slow = [...patterns, "/*action='x',", "/*job='%zz ' "].flatMap((pattern) => {
    const time = (length: number) => {
      const text = `${pattern.repeat(Math.ceil(length / pattern.length))}"x"`;
      const start = performance.now();
      redactStatement(text);
      return performance.now() - start;
    };
    time(10_000);
    // Time in square of 100 kB would be many seconds.
    const took = time(100_000);
    return took < 2_000 ? [] : [[pattern, took]];
  });
  expect(slow).toEqual([]);
});
