// The built product: from an extract to the bytes of a workbook, in a process of its own.
import { createReadStream, readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';

import { createExtractReader } from '../../dist/src/reports/extracted-rows.js';
import { writeXlsx } from '../../dist/src/reports/xlsx.js';
import { createBlockWriter } from '../../dist/src/storage/block-writer.js';

const [directory, extract, file] = process.argv.slice(2);
const readExtract = createExtractReader(directory, { memoryMb: 128, threads: 2, diskMb: 4096, maxRows: 50_000_000, querySeconds: 600 });
const since = performance.now();
const options = { numbers: true, columns: undefined, signal: new AbortController().signal };
const { close, ...table } = await readExtract(createReadStream(extract), options);
const book = await open(file, 'w');
// As the file store writes it.
const writer = createBlockWriter(book, () => undefined);
for await (const chunk of writeXlsx({ title: 'Bench', total: null, ...table })) await writer.add(chunk);
await writer.finish();
await book.close();
await close();
const seconds = (performance.now() - since) / 1000;
const peakKb = Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]);
console.log(JSON.stringify({ seconds, peakKb }));
