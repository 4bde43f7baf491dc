#!/usr/bin/env node
// `npm run replay:record -- <job id> <scenario>`: keeps the history of a real run for the replay tests.
import { createHash } from 'node:crypto';
import { appendFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const help = `npm run replay:record -- <job id> [scenario]

Writes test/replay/histories/<workflow>/<date>-<scenario>.json from a finished or running job, and adds its checksum to
SHA256SUMS. Histories are append-only: an existing file is never written again.

The server is TEMPORAL_ADDRESS, else the one of \`npm start\` (127.0.0.1 and HANDOFF_TEMPORAL_PORT, 7233).
The history holds the job's input: record jobs with made-up data only.`;

const folder = 'test/replay/histories';

/** Stack traces tell paths of the machine, and replay does not read them. */
export function withoutTraces(value) {
  if (Array.isArray(value)) return value.map(withoutTraces);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, key === 'stackTrace' ? '' : withoutTraces(inner)]));
}

async function record(jobId, scenario) {
  const { Client, Connection } = await import('@temporalio/client');
  const { historyToJSON } = await import('@temporalio/common/lib/proto-utils.js');
  const address = process.env.TEMPORAL_ADDRESS || `127.0.0.1:${process.env.HANDOFF_TEMPORAL_PORT || 7233}`;
  const connection = await Connection.connect({ address });
  try {
    const client = new Client({ connection, namespace: process.env.TEMPORAL_NAMESPACE || 'default' });
    const history = JSON.parse(historyToJSON(await client.workflow.getHandle(jobId).fetchHistory()));
    const workflow = history.events[0].workflowExecutionStartedEventAttributes.workflowType.name;
    const json = `${JSON.stringify(withoutTraces(history), null, 1)}\n`;
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
