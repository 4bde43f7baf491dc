import { execFile } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { createReportEngine } from '../src/reports/engine.ts';
import type { Finding, Settings } from './finding.ts';
import { pythonWith } from './peers/python-environment.ts';
import { onStage, type Stage } from './stage.ts';
import { xlsxFinding, type XlsxRound, type XlsxSide } from './xlsx-finding.ts';

const run = promisify(execFile);
const peer = (name: string) => fileURLToPath(new URL(`./peers/${name}`, import.meta.url));

/** One workbook of a million rows with six columns: the product against exceljs and XlsxWriter, each in a process of its own. */
export async function xlsx({ rounds, quick, say }: Settings): Promise<Finding> {
  const rows = quick ? 100_000 : 1_000_000;
  return onStage(say, async (stage) => {
    const extract = join(stage.directory, 'rows.parquet');
    await makeExtract(stage, extract, rows);
    const python = await pythonWith('xlsxwriter', peer('xlsxwriter/requirements.txt')).catch(() => undefined);
    if (python === undefined) say('xlsx: XlsxWriter could not be installed with python3 -m venv and pip: this side is left out');
    const file = join(stage.directory, 'book.xlsx');
    const commands: Partial<Record<XlsxSide, [string, string[]]>> = {
      product: [process.execPath, [peer('xlsx-product.mjs'), stage.directory, extract, file]],
      exceljs: [process.execPath, [peer('xlsx-exceljs.mjs'), String(rows), file]],
      ...(python !== undefined && { xlsxwriter: [python, [peer('xlsxwriter/write.py'), String(rows), file, stage.directory]] }),
    };
    const measured: Partial<Record<XlsxSide, XlsxRound[]>> = {};
    for (let round = 0; round < rounds; round++) {
      const order = Object.entries(commands) as [XlsxSide, [string, string[]]][];
      for (const [side, [command, args]] of round % 2 === 0 ? order : order.reverse()) {
        const { stdout } = await run(command, args);
        const { seconds, peakKb } = JSON.parse(stdout) as { seconds: number; peakKb: number };
        (measured[side] ??= []).push({ seconds, peak: peakKb / 1024, size: (await stat(file)).size });
        await rm(file);
        say(
          `xlsx: round ${String(round + 1)} of ${String(rounds)}: ${side} ${seconds.toFixed(1)} s, peak ${(peakKb / 1024).toFixed(0)} MiB`,
        );
      }
    }
    return xlsxFinding(measured, rows);
  });
}

async function makeExtract(stage: Stage, path: string, rows: number): Promise<void> {
  const limits = { memoryMb: 128, threads: 2, diskMb: 4_096, maxRows: rows, querySeconds: 600 };
  const sql = `select i::integer as id, 'Customer ' || (i * 7919 % 100003) as name, (i * 1237 % 1000000 / 100)::decimal(12, 2) as amount,
    date '2020-01-01' + (i % 2000)::integer as day, i % 3 = 0 as paid, 'note <' || (i % 977) || '> & more text' as note
    from range(${String(rows)}) t(i)`;
  const signal = new AbortController().signal;
  const engine = createReportEngine(stage.directory, limits);
  const { bytes, close } = await engine.extract({ tables: [], query: { sql, parameters: [] }, signal, report: () => undefined });
  await pipeline(bytes, createWriteStream(path));
  await close();
}
