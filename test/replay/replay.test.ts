import { beforeAll, describe, expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { historyFromJSON } from '@temporalio/common/lib/proto-utils.js';
import { bundleWorkflowCode, DefaultLogger, Worker, type WorkflowBundleWithSourceMap } from '@temporalio/worker';
import { DeterminismViolationError } from '@temporalio/workflow';

import { createProtection, failureConverterPath } from '../../src/temporal/protection.ts';

const folder = fileURLToPath(new URL('./histories', import.meta.url));
const recorded = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.json'))
  .sort();
const sums = readFileSync(join(folder, 'SHA256SUMS'), 'utf8').trim().split('\n');

interface RecordedHistory {
  events: { workflowExecutionStartedEventAttributes?: { workflowId?: string } }[];
}

function read(name: string): { history: unknown; workflowId: string } {
  const history = JSON.parse(readFileSync(join(folder, name), 'utf8')) as RecordedHistory;
  return { history, workflowId: history.events[0]?.workflowExecutionStartedEventAttributes?.workflowId ?? 'unknown' };
}

async function bundle(specifier: string): Promise<WorkflowBundleWithSourceMap> {
  const workflowsPath = fileURLToPath(new URL(specifier, import.meta.url));
  return bundleWorkflowCode({ workflowsPath, failureConverterPath, logger: new DefaultLogger('ERROR') });
}

async function replay(workflowBundle: WorkflowBundleWithSourceMap, name: string): Promise<void> {
  const { history, workflowId } = read(name);
  // Recorded histories are in clear: nothing has to be decrypted.
  const plugins = [createProtection(undefined)];
  await Worker.runReplayHistory({ workflowBundle, plugins, replayName: name.replace(/\W/g, '-') }, history, workflowId);
}

describe("recorded histories replay on today's workflows", () => {
  let today: WorkflowBundleWithSourceMap;
  beforeAll(async () => {
    today = await bundle('../../workflows/all.ts');
  });

  test.each(recorded)('%s', async (name) => {
    await expect(replay(today, name)).resolves.toBeUndefined();
  });

  test.each(['sendEmail', 'generateReport', 'processUpload'])('%s has every scenario', (workflow) => {
    for (const scenario of ['success', 'retry-then-success', 'permanent-failure', 'resumed-after-kill'])
      expect(recorded.some((name) => name.startsWith(`${workflow}/`) && name.endsWith(`-${scenario}.json`)) ? scenario : 'missing').toBe(
        scenario,
      );
  });
});

test('a workflow changed incompatibly fails the replay', async () => {
  const broken = await bundle('./incompatible/index.ts');
  const name = recorded.find((candidate) => /sendEmail.*-success\.json$/.test(candidate)) ?? '';
  await expect(replay(broken, name)).rejects.toThrow(DeterminismViolationError);
});

test('histories are append-only: each still has the checksum it was recorded with', () => {
  const found = recorded.map(
    (name) =>
      `${createHash('sha256')
        .update(readFileSync(join(folder, name)))
        .digest('hex')}  ${name}`,
  );
  expect(found).toEqual([...sums].sort((a, b) => a.slice(66).localeCompare(b.slice(66), 'en')));
});

test('a single protobufjs 8 serves the whole SDK, without which JSON histories can not be read', () => {
  const here = createRequire(import.meta.url);
  const packages = ['@temporalio/client', '@temporalio/common', '@temporalio/worker'];
  const found = packages.map((name) => createRequire(here.resolve(name)).resolve('protobufjs'));
  const proto = createRequire(createRequire(here.resolve('@temporalio/common')).resolve('@temporalio/proto')).resolve('protobufjs');
  expect(new Set([...found, proto, here.resolve('protobufjs')]).size).toBe(1);
  expect((here('protobufjs/package.json') as { version: string }).version).toMatch(/^8\./);
  expect(historyFromJSON({ events: [] })).toBeDefined();
});
