import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { temporal } from '@temporalio/proto';
import { bundleWorkflowCode, DefaultLogger, Worker } from '@temporalio/worker';
import { fileURLToPath } from 'node:url';

import { newJobId, tenantTag } from '../../src/jobs/ids.ts';
import { failureConverterPath } from '../../src/temporal/protection.ts';
import { eventually } from '../support/eventually.ts';
import { startSlowMailServer } from '../support/slow-mail-server.ts';
import { startSystem, type TestSystem } from '../support/system.ts';

let system: TestSystem;
let mail: Awaited<ReturnType<typeof startSlowMailServer>>;

beforeAll(async () => {
  mail = await startSlowMailServer();
  system = await startSystem({ taskQueue: 'test-encryption', smtpUrl: mail.url });
});
afterAll(async () => {
  await system.close();
  await mail.close();
});

const submit = async (to: string[]) => (await system.submit('email', { to, subject: 'S', text: 'T' })).job.id;
const historyOf = (id: string) => system.link.client().workflow.getHandle(id).fetchHistory();

async function untilStatus(id: string, status: string): Promise<void> {
  await eventually(async () => {
    expect(await system.jobs.get('acme', id)).toMatchObject({ status });
  });
}

/** Ids of the data keys that a history was written with. */
function keysIn(history: temporal.api.history.v1.IHistory): Set<string> {
  const text = Buffer.from(temporal.api.history.v1.History.encode(history).finish()).toString('latin1');
  return new Set(text.match(/dk_[0-9a-f]{26}/g));
}

describe('encrypted jobs', () => {
  test('replay with the plug-in of the worker, and with another key or under another id not at all', async () => {
    const id = await submit(['ada@example.com']);
    await untilStatus(id, 'completed');
    const history = await historyOf(id);
    const workflowsPath = fileURLToPath(new URL('../../workflows/all.ts', import.meta.url));
    const workflowBundle = await bundleWorkflowCode({ workflowsPath, failureConverterPath, logger: new DefaultLogger('ERROR') });
    const replay = (workflowId: string, plugins = [system.link.protection]) =>
      Worker.runReplayHistory({ workflowBundle, plugins, replayName: `replay-${workflowId}` }, history, workflowId);
    await expect(replay(id)).resolves.toBeUndefined();
    await expect(replay(newJobId('email', 'acme', 'other'))).rejects.toThrow();
    await expect(replay(id, [])).rejects.toThrow();
  });

  test('go on while the key is rotated: what was written before is read, what comes is written with the new one', async () => {
    mail.heldRecipients.add('held@example.com');
    const id = await submit(['held@example.com']);
    await untilStatus(id, 'running');
    const before = keysIn(await historyOf(id));
    await system.stores.protection.dataKeys?.rotate(tenantTag('acme'));
    mail.heldRecipients.clear();
    await untilStatus(id, 'completed');
    const after = keysIn(await historyOf(id));
    expect([before.size, after.size]).toEqual([1, 2]);
    expect(await system.jobs.get('acme', id)).toMatchObject({ result: { messages: [{ recipient: 'held@example.com', status: 'sent' }] } });
  });
});
