// One side of the benchmark `reports`, in a process of its own, so that its peak is its own: prints what it took as JSON.
import { createReadStream, readFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';

import { DuckDBInstance } from '@duckdb/node-api';

const { side, format, directory, threads, memoryMb, source, rows, reports = 1, at = 1 } = JSON.parse(process.argv[2] ?? '{}');
const never = new AbortController().signal;
const bareOptions = { csv: 'format csv', parquet: 'format parquet, compression zstd' };

async function bare(sql, path, options) {
  const instance = await DuckDBInstance.create(':memory:', { threads: String(threads) });
  const connection = await instance.connect();
  const [since, cpu] = [performance.now(), process.cpuUsage()];
  await connection.run(`copy (${sql}) to '${path}' (${options})`);
  const took = tookSince(since, cpu);
  connection.closeSync();
  instance.closeSync();
  return { ...took, size: (await stat(path)).size };
}

/** As the activity does it: from the file store, by the engine, into the file store, durable and with its SHA-256. */
async function product() {
  const built = (path) => import(new URL(`../dist/${path}`, import.meta.url).href);
  const [{ createWriteRows }, { createDiskBlobStore }, { createFileStore }, { imageCompleteness }] = await Promise.all(
    ['src/reports/extract.js', 'src/storage/disk.js', 'src/storage/files.js', 'src/images/completeness.js'].map(built),
  );
  const records = { insert: (record) => Promise.resolve(record) };
  const blobs = createDiskBlobStore(join(directory, 'files'));
  const files = createFileStore({ blobs, records, completeness: imageCompleteness });
  const writeRows = createWriteRows(join(directory, 'reports'), {
    memoryMb,
    threads,
    diskMb: 4_096,
    maxRows: 50_000_000,
    querySeconds: 600,
  });
  const owner = { id: `file_${'a'.repeat(26)}`, name: 'x', contentType: 'text/csv', tenant: 'bench', jobId: 'bench' };
  if (side === 'keep') return (await files.stage(createReadStream(source))).commit(owner);
  const blob = { sha256: source };
  const tables = () => [
    { name: 'rows', bytes: () => files.read(blob), link: (path) => files.link(blob, path), format: 'parquet', csv: undefined },
  ];
  const report = () => undefined;
  const write = async () => {
    const task = { tables: tables(), query: undefined, columns: undefined, output: { format }, signal: never, report };
    const staged = await files.stageWritten((path) => writeRows({ ...task, path }).then(() => undefined));
    const { size, sha256 } = await staged.commit(owner);
    await staged.discard();
    return { size, sha256 };
  };
  const [since, cpu] = [performance.now(), process.cpuUsage()];
  let [left, result] = [reports, undefined];
  // At most `at` of them at a time, as a worker does it.
  const lane = async () => {
    while (left-- > 0) result = await write();
  };
  await Promise.all(Array.from({ length: at }, lane));
  return { ...result, ...tookSince(since, cpu) };
}

const peakOf = () => Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) * 1024;
const made =
  side === 'make'
    ? await bare(sampleOf(rows), source, bareOptions.parquet)
    : side === 'bare'
      ? await bare(`select * from read_parquet('${source}')`, join(directory, `bare.${format}`), bareOptions[format])
      : await product();
console.log(JSON.stringify({ ...made, peak: peakOf() }));

function tookSince(since, before) {
  const { user, system } = process.cpuUsage(before);
  return { seconds: (performance.now() - since) / 1000, cpu: (user + system) / 1e6 };
}

function sampleOf(count) {
  return `select range as id, 'Customer ' || range as name, (range * 7919 % 1000000) / 100.0 as amount, date '2020-01-01' + (range % 2000)::int as day,
    ['Oslo', 'Bergen', 'Tromsø', 'New York, NY'][1 + range % 4] as city, range % 3 = 0 as paid from range(${String(count)})`;
}
