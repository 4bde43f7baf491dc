import { writeFile } from 'node:fs/promises';
import { availableParallelism, loadavg, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { accept } from './accept.ts';
import { bulk } from './bulk.ts';
import { burst } from './burst.ts';
import { endToEnd } from './end-to-end.ts';
import type { Finding, Settings } from './finding.ts';
import { guard } from './guard.ts';
import { hostile } from './hostile.ts';
import { images } from './images.ts';
import { ingest } from './ingest.ts';
import { interrupted } from './interrupted.ts';
import { kill } from './kill.ts';
import { mailing } from './mailing.ts';
import { memory } from './memory.ts';
import { NoPostgres } from './postgres.ts';
import { pdf } from './pdf.ts';
import { read } from './read.ts';
import { type Machine, report, summary } from './report.ts';
import { reports } from './reports.ts';
import { smallImages } from './small-images.ts';
import { streams } from './streams.ts';
import { upload } from './upload.ts';
import { xlsx } from './xlsx.ts';

const benchmarks: Record<string, (settings: Settings) => Promise<Finding>> = {
  accept,
  'end-to-end': endToEnd,
  memory,
  upload,
  read,
  burst,
  bulk,
  streams,
  guard,
  kill,
  mailing,
  pdf,
  reports,
  xlsx,
  images,
  hostile,
  ingest,
  interrupted,
  'small-images': smallImages,
};

const help = `npm run bench [-- name …] [-- options]

Speed and memory of the built product, each against a bare baseline in the same run. About half an hour on a quiet machine
with two cores; other load makes it longer and the spreads wider. Linux only. Everything runs on 127.0.0.1, in temporary
directories, and is gone at the end. Needs PostgreSQL: initdb and postgres on this machine, or DATABASE_URL (an empty database).

  accept       POST /v1/emails against client.workflow.start
  end-to-end   one e-mail job against a workflow with one activity
  memory       resident memory of api and worker over 12,000 jobs
  upload       POST /v1/uploads of 200 MB against a plain stream
  read         GET /v1/jobs/{id} against describe
  burst        10,000 e-mail jobs at once against client.workflow.start and a workflow with one activity
  bulk         1,000 dead letters redriven at 20 a second while new e-mails go on
  streams      1,000 clients that follow 100 jobs: calls to Temporal, and memory
  guard        what encryption, authentication and limits cost POST /v1/emails, and what they ask the database
  kill         50 times kill -9 of a worker that sends mail: what is lost, sent twice, or in doubt
  mailing      a batch against a nodemailer pool and against Celery with Redis, and one of 100,000 recipients
  pdf          a PDF file of 20,000 rows against bare pdfmake, and whether the process answers meanwhile
  reports      5 million rows as CSV and Parquet against bare COPY of the same engine, and ten such reports at once
  xlsx         a workbook of a million rows against exceljs and XlsxWriter
  images       variants of pictures against sharp, and against Celery with Redis and Pillow
  hostile      520 hostile pictures: who dies, what gets out, how much memory it takes
  ingest       1 GB by multipart, as a body and by tus against a plain stream, and memory of the api
  interrupted  1,000 uploads by tus whose connections break at random bytes
  small-images 1,000 small pictures, each through a whole job: processor time of one, and Temporal's share

  --rounds N       rounds of each comparison (default 5)
  --quick          a tenth of the work: whether it runs, not how fast
  --write          put the report into bench/RESULTS.md
  --temporal K=V   set a dynamic configuration value of the Temporal server; may be repeated
  --profile DIR    write CPU profiles of the api process (mailing: the worker) there`;

const say = (line: string) => {
  console.error(line);
};

/** @returns the exit code: 1 when a bar was missed, so that a script can tell. */
export async function main(argv: string[], build: (options: { log: typeof say }) => Promise<unknown>): Promise<number> {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      help: { type: 'boolean', short: 'h' },
      quick: { type: 'boolean' },
      write: { type: 'boolean' },
      rounds: { type: 'string', default: '5' },
      profile: { type: 'string' },
      temporal: { type: 'string', multiple: true, default: [] },
    },
  });
  const rounds = Number(values.rounds);
  const unknown = positionals.find((name) => benchmarks[name] === undefined);
  if (values.help || unknown !== undefined || !Number.isInteger(rounds) || rounds < 1 || rounds > 50) {
    console.log(unknown === undefined ? help : `There is no benchmark "${unknown}".\n\n${help}`);
    return values.help ? 0 : 2;
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
  await build({ log: say });
  const settings = { rounds, quick: values.quick === true, profile: values.profile, temporalSettings: values.temporal, say };
  const machine: Machine = {
    ...{
      cores: availableParallelism(),
      memory: totalmem(),
      node: process.version,
      date: new Date(),
      rounds,
      quick: settings.quick,
      temporalSettings: values.temporal,
    },
    ...{ load: [loadavg()[0] ?? 0], skipped: [] },
  };
  const findings: Finding[] = [];
  for (const name of positionals.length > 0 ? positionals : Object.keys(benchmarks)) {
    try {
      const finding = await benchmarks[name]?.(settings);
      if (finding !== undefined) findings.push(finding);
    } catch (error) {
      if (!(error instanceof NoPostgres)) throw error;
      say(`${name}: skipped: ${error.message}`);
      machine.skipped.push(`${name}: ${error.message}`);
    }
    machine.load.push(loadavg()[0] ?? 0);
  }
  const text = report(machine, findings);
  console.log(text);
  if (values.write) await writeFile(fileURLToPath(new URL('RESULTS.md', import.meta.url)), text);
  say(summary(findings));
  return findings.every(({ verdicts }) => verdicts.every(({ met }) => met)) ? 0 : 1;
}
