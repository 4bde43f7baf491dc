import { afterAll, expect } from '@jest/globals';
import { DefaultLogger, makeTelemetryFilterString, Runtime } from '@temporalio/worker';

// There is one Runtime per test file, since there is one module registry per file: install it before the first connection or worker.
Runtime.install({
  logger: new DefaultLogger('ERROR'),
  telemetryOptions: { logging: { filter: makeTelemetryFilterString({ core: 'ERROR', other: 'ERROR' }) } },
  shutdownSignals: [],
});

// Native workers and connections are invisible to process.getActiveResourcesInfo(): ask the SDK. `backRefs` is protected; the exact pin guards it.
// The name puts it behind the test file's own hooks: see environment.js.
afterAll(async function lastOfAll() {
  const open = (Runtime.instance() as unknown as { backRefs: Set<object> }).backRefs;
  for (let i = 0; i < 50 && open.size > 0; i++) await new Promise((resolve) => setTimeout(resolve, 100));
  const left = open.size;
  // Without this, every file leaves two threads behind.
  if (left === 0) await Runtime.instance().shutdown();
  expect(`${String(left)} native workers and connections left open by this file`).toMatch(/^0 /);
}, 60_000);
