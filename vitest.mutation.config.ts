import { defineConfig } from 'vitest/config';

/** The tests of the pure core alone: fast enough to run once for every mutant. */
export default defineConfig({
  test: { include: ['test/unit/*.test.ts'], exclude: ['test/unit/aws-stand-in.test.ts'] },
});
