import { writeSync } from 'node:fs';

/** Ends a run of Jest with `N passed, N failed` (and `, N skipped`), alone on the last line. */
export default class ClosingLine {
  onRunComplete(_contexts, results) {
    // A suite that could not be loaded, or left something open, has no failed test to show for it: count it, so that the line can't be green.
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
    const skipped = results.numPendingTests + results.numTodoTests;
    const line = `${results.numPassedTests} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
    // Jest's own summary comes after this call; with --forceExit it has closed process.stdout by then.
    process.once('exit', () => writeSync(1, `${line}\n`));
  }
}
