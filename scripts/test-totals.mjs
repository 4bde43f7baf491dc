/**
 * One count for checks, build and Jest.
 * @param {{ checks: { name: string, ok: boolean }[], built: boolean, jestCode: number, results: any }} run `results`: what Jest's --json writes
 * @returns {{ passed: number, failed: number, skipped: number }}
 */
export function sum({ checks, built, jestCode, results }) {
  const totals = { passed: 0, failed: 0, skipped: 0 };
  for (const check of checks) totals[check.ok ? 'passed' : 'failed'] += 1;
  // A build is no test, but a failed one must show.
  if (!built) totals.failed += 1;
  // A suite that could not be loaded, or left something open, has no failed test to show for it.
  const failed = results === undefined ? 1 : results.numFailedTests + results.numRuntimeErrorTestSuites;
  // Jest may fail without a failed test: no test found, a broken teardown, a missed threshold.
  totals.failed += failed === 0 && jestCode !== 0 ? 1 : failed;
  totals.passed += results?.numPassedTests ?? 0;
  totals.skipped += (results?.numPendingTests ?? 0) + (results?.numTodoTests ?? 0);
  return totals;
}

/** @param {{ passed: number, failed: number, skipped: number }} totals */
export function closingLine({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}
