import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from '@jest/globals';

import type { TableBytes } from '../../../activities/report-ports.ts';
import type { ReportColumn } from '../../../src/jobs/report-columns.ts';
import type { BoundParameter } from '../../../src/jobs/report-query.ts';
import type { CsvDialect, SourceFormat } from '../../../src/jobs/report-sources.ts';
import { createReportEngine } from '../../../src/reports/engine.ts';
import type { ExtractLimits } from '../../../src/reports/extract.ts';
import { all, streamOf } from './tables.ts';

const usual: ExtractLimits = { memoryMb: 128, threads: 2, diskMb: 256, maxRows: 1_000_000, querySeconds: 60 };

export interface TestSource {
  content: string | Uint8Array;
  format?: SourceFormat;
  csv?: CsvDialect;
}

export interface Asked {
  sql?: string;
  parameters?: BoundParameter[];
  limits?: Partial<ExtractLimits>;
  columns?: ReportColumn[];
  signal?: AbortSignal;
  /** Default: true. */
  numbers?: boolean;
}

/** The real engine in a directory of its own for each test. */
export function testEngine() {
  let directory = '';
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'handoff-engine-'));
  });
  afterEach(async () => {
    await rm(directory, { recursive: true, force: true });
  });
  const engine = (limits: Partial<ExtractLimits> = {}) => createReportEngine(directory, { ...usual, ...limits });
  const never = new AbortController().signal;

  async function extract(tables: readonly TableBytes[], { sql, parameters = [], limits, signal = never }: Asked = {}) {
    const query = sql === undefined ? undefined : { sql, parameters };
    const done = await engine(limits).extract({ tables, query, signal, report: () => undefined });
    try {
      return { rows: done.rows, bytes: Buffer.concat(await all(done.bytes)) };
    } finally {
      await done.close();
    }
  }

  async function read(bytes: Uint8Array, { limits, numbers = true, columns, signal = never }: Asked = {}) {
    const table = await engine(limits).readExtract(streamOf(bytes), { numbers, columns, signal });
    try {
      return {
        columns: table.columns.map(({ name }) => name),
        nested: table.columns.map(({ kind }) => kind === 'json'),
        kinds: table.columns.map(({ kind }) => kind),
        rows: await all(table.rows),
      };
    } finally {
      await table.close();
    }
  }

  return {
    engine,
    directory: () => directory,
    extract,
    read,
    /** From sources by name to rows. */
    async ask(sources: Record<string, string | TestSource>, asked: Asked = {}) {
      const { bytes } = await extract(tablesOf(sources), asked);
      return read(bytes, asked);
    },
    /** Files that are still there. */
    async left() {
      const found = await readdir(directory, { recursive: true, withFileTypes: true });
      return found.filter((entry) => entry.isFile()).map(({ name }) => name);
    },
  };
}

export function tablesOf(sources: Record<string, string | TestSource>): TableBytes[] {
  return Object.entries(sources).map(([name, source]) => {
    const { content, format = 'csv', csv } = typeof source === 'string' ? { content: source } : source;
    return { name, bytes: () => streamOf(content), format, csv };
  });
}
