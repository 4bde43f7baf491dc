// The built product: from an extract to the bytes of a workbook, in a process of its own.
import { createReadStream, createWriteStream, readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import { createReportEngine } from '../../dist/src/reports/engine.js';

const [directory, extract, file] = process.argv.slice(2);
const engine = createReportEngine(directory, { memoryMb: 128, threads: 2, diskMb: 4096, maxRows: 50_000_000, querySeconds: 600 });
const since = performance.now();
const options = { numbers: true, columns: undefined, signal: new AbortController().signal };
const { close, ...table } = await engine.readExtract(createReadStream(extract), options);
await pipeline(Readable.from(engine.render({ format: 'xlsx' }, { title: 'Bench', total: null, ...table })), createWriteStream(file));
await close();
const seconds = (performance.now() - since) / 1000;
const peakKb = Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]);
console.log(JSON.stringify({ seconds, peakKb }));
