import type { Reporter, TestModule, TestRunEndReason } from 'vitest/node';
import { formatTally } from './tally.js';

/**
 * Ends the run's output with one line that says how it went, as {@link formatTally} writes it.
 *
 * A file that can't be loaded, a hook that fails and an error outside of any test count as failed too, each once: the
 * line never says `0 failed` of a run that failed.
 */
export class TallyReporter implements Reporter {
  onTestRunEnd(
    testModules: readonly TestModule[],
    unhandledErrors: readonly unknown[],
    reason: TestRunEndReason,
  ): void {
    const tally = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
    for (const testModule of testModules) {
      for (const test of testModule.children.allTests()) {
        const { state } = test.result();
        // Pending: the run was cut short before it, so it tells nothing.
        tally[state === 'pending' ? 'skipped' : state]++;
      }
      for (const suite of [testModule, ...testModule.children.allSuites()]) {
        if (suite.errors().length > 0) tally.failed++;
      }
    }
    // No test file found, or interrupted.
    if (reason !== 'passed' && tally.failed === 0) tally.failed = 1;
    process.stdout.write(`${formatTally(tally)}\n`);
  }
}
