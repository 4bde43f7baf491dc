#!/usr/bin/env node
// `npm run replay:record -- <job id> <scenario>`: keeps the history of a real run for the replay tests.
import { createHash } from 'node:crypto';
import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { build } from './build.mjs';
import { payloadsIn, redacted } from './history-redaction.mjs';

const help = `npm run replay:record -- <job id> [scenario]

Writes test/replay/histories/<workflow>/<date>-<scenario>.json from a finished or running job, and adds its checksum to
SHA256SUMS. Histories are append-only: an existing file is never written again.

The server is TEMPORAL_ADDRESS, else the one of \`npm start\` (127.0.0.1 and HANDOFF_TEMPORAL_PORT, 7233). The API decrypts, for
an API key of the job's tenant with the scope \`operate\`: HANDOFF_URL (http://127.0.0.1:3000) and HANDOFF_API_KEY (that of
\`npm start\`). What users wrote is taken out; a history that does not replay any more is not written.`;

const folder = 'test/replay/histories';
const encrypted = Buffer.from('binary/encrypted').toString('base64');
const atOnce = 500;

async function apiKey() {
  const { HANDOFF_API_KEY: key, HANDOFF_DATA_DIR: directory = '.handoff' } = process.env;
  return key ?? (await readFile(join(directory, 'dev-api-key'), 'utf8')).trim();
}

/** Replaces every encrypted payload in the history by what it holds. */
async function decrypt(history, namespace) {
  const sealed = payloadsIn(history).filter(({ metadata }) => metadata.encoding === encrypted);
  const url = new URL('/v1/codec/decode', process.env.HANDOFF_URL ?? 'http://127.0.0.1:3000');
  for (let from = 0; from < sealed.length; from += atOnce) {
    const payloads = sealed.slice(from, from + atOnce);
    const headers = { Authorization: `Bearer ${await apiKey()}`, 'Content-Type': 'application/json', 'X-Namespace': namespace };
    const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ payloads }) });
    if (!answer.ok) throw new Error(`${url.href} answered ${answer.status}: ${(await answer.json()).detail}`);
    const opened = (await answer.json()).payloads;
    for (const [index, payload] of payloads.entries()) Object.assign(payload, { data: undefined }, opened[index]);
  }
}

async function assertReplays(history, jobId) {
  await build();
  const { DefaultLogger, Runtime, Worker } = await import('@temporalio/worker');
  const { createProtection } = await import('../dist/src/temporal/protection.js');
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const workflowBundle = { codePath: 'dist/workflow-bundle.js' };
  await Worker.runReplayHistory({ workflowBundle, plugins: [createProtection(undefined)] }, history, jobId);
}

async function record(jobId, scenario) {
  const { Client, Connection } = await import('@temporalio/client');
  const { historyToJSON } = await import('@temporalio/common/lib/proto-utils.js');
  const address = process.env.TEMPORAL_ADDRESS || `127.0.0.1:${process.env.HANDOFF_TEMPORAL_PORT || 7233}`;
  const namespace = process.env.TEMPORAL_NAMESPACE || 'default';
  const connection = await Connection.connect({ address });
  try {
    const client = new Client({ connection, namespace });
    const found = JSON.parse(historyToJSON(await client.workflow.getHandle(jobId).fetchHistory()));
    await decrypt(found, namespace);
    const history = redacted(found);
    await assertReplays(history, jobId);
    const workflow = history.events[0].workflowExecutionStartedEventAttributes.workflowType.name;
    const json = `${JSON.stringify(history, null, 1)}\n`;
    const name = join(workflow, `${new Date().toISOString().slice(0, 10)}-${scenario}.json`);
    await mkdir(join(folder, workflow), { recursive: true });
    await writeFile(join(folder, name), json, { flag: 'wx' });
    await appendFile(join(folder, 'SHA256SUMS'), `${createHash('sha256').update(json).digest('hex')}  ${name}\n`);
    console.log(`Recorded ${join(folder, name)}: ${history.events.length} events.`);
  } finally {
    await connection.close();
  }
}

const { values, positionals } = parseArgs({ allowPositionals: true, options: { help: { type: 'boolean', short: 'h' } } });
const [jobId, scenario = 'run'] = positionals;
if (values.help || jobId === undefined) {
  console.log(help);
  process.exitCode = values.help ? 0 : 2;
} else if (!/^[a-z0-9-]+$/.test(scenario)) {
  console.error('The scenario becomes part of a file name: use a-z, 0-9 and -.');
  process.exitCode = 2;
} else {
  await record(jobId, scenario).catch((error) => {
    console.error(
      error.code === 'EEXIST'
        ? 'There is such a history already, and histories are append-only: choose another scenario name.'
        : error.message,
    );
    process.exitCode = 1;
  });
}
