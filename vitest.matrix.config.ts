/**
 * `npm run test:matrix`: what depends on the version of PostgreSQL, on every version but the one of `npm test`.
 * `npm run test:clients`: real poolers, drivers and command lines. `.ci/run` runs all of them at once, because many of
 * these tests wait, and others can use the cores meanwhile. `vitest --project postgres-13` chooses one version.
 */
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';
import { BUNDLED_MAJOR, MAJOR_VARIABLE, MAJORS } from './test/support/postgres-majors.js';
import base from './vitest.config.js';

// What is set up once for the whole run, and what holds in each project.
const {
  globalSetup = [],
  reporters = [],
  sequence = {},
  include: _,
  maxWorkers: __,
  ...ofEveryProject
} = base.test ?? {};

const FROZEN = 'test/clients/frozen-function.test.ts';
const OLDEST = Math.min(...MAJORS);

/** Integration tests that say nothing about the version. A new file runs on every version unless it is named here. */
const ANY_VERSION = [
  'aws-endpoint',
  'lambda-process',
  'postgres-server',
  'publish',
  'series',
  'series-history',
  'sweep',
];

/** Tests from the deployed event to the effect: on the oldest version, and by `npm test` on the newest. */
const OLDEST_AND_NEWEST = ['bootstrap', 'handler', 'iam-login', 'role-names', 'secret-canaries', 'tls'];

function onVersion(major: number): TestProjectInlineConfiguration {
  const left = major === OLDEST ? ANY_VERSION : [...ANY_VERSION, ...OLDEST_AND_NEWEST];
  return {
    test: {
      ...ofEveryProject,
      name: `postgres-${major}`,
      // 13 cannot end a session that says nothing, so what a frozen function leaves behind differs there.
      include: ['test/integration/**/*.test.ts', ...(major === OLDEST ? [FROZEN] : [])],
      exclude: left.map((name) => `test/integration/${name}.test.ts`),
      globalSetup: ['test/support/fetch-major.ts'],
      env: { ...ofEveryProject.env, [MAJOR_VARIABLE]: `${major}` },
    },
  };
}

export default defineConfig({
  test: {
    ...ofEveryProject,
    globalSetup,
    reporters,
    sequence,
    maxWorkers: 4,
    projects: [
      { test: { ...ofEveryProject, name: 'clients', include: ['test/clients/**/*.test.ts'] } },
      ...MAJORS.filter((major) => major !== BUNDLED_MAJOR).map(onVersion),
    ],
  },
});
