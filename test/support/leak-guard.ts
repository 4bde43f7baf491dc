import { afterAll, expect } from '@jest/globals';

/** Kinds of open resource that only forgotten servers, connections, child processes and threads leave behind. */
const guarded = new Set(['TCPServerWrap', 'TCPSocketWrap', 'PipeWrap', 'ProcessWrap', 'MessagePort']);

function openResources(): string[] {
  return process.getActiveResourcesInfo().filter((kind) => guarded.has(kind));
}

const openBefore = openResources();

/** What is open now and was not when the test file was about to be loaded. */
function leaked(): string[] {
  const expected = [...openBefore];
  return openResources().filter((kind) => {
    const known = expected.indexOf(kind);
    if (known >= 0) expected.splice(known, 1);
    return known < 0;
  });
}

// The name puts it behind the test file's own hooks: see environment.js.
afterAll(async function lastOfAll() {
  for (let i = 0; i < 50 && leaked().length > 0; i++) await new Promise((resolve) => setTimeout(resolve, 100));
  const left = leaked();
  expect(left.length === 0 ? 'nothing' : `left open by this file: ${left.join(', ')}`).toBe('nothing');
}, 60_000);
