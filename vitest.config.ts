import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/support/longest-first.js';
import { TallyReporter } from './test/support/tally-reporter.js';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/temporary-folder.ts', 'test/support/fresh-bundle.ts'],
    // Integration tests each run a PostgreSQL beside the worker, and many wait for a second to pass: on two cores three
    // files at once take a fifth less time than two, and more would only wait for each other.
    pool: 'forks',
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    testTimeout: 60_000,
    hookTimeout: 120_000,
    reporters: ['default', new TallyReporter()],
    // The SDK's own switch for its note that Node 20 is old, which would be printed once a worker.
    env: { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
  },
});
