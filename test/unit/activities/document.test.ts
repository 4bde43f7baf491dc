import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, describe, expect, test } from '@jest/globals';

import { documentActivities } from '../../../activities/document.ts';
import { createDocumentReader } from '../../../src/images/documents.ts';
import { fileIdFor, newJobId } from '../../../src/jobs/ids.ts';
import { createReportEngine } from '../../../src/reports/engine.ts';
import { runActivity } from '../../support/activity.ts';
import { chunks, testFileStore } from '../../support/file-store.ts';
import { missing } from '../../support/tools.ts';

const store = testFileStore();
const jobId = newJobId('upload', 'acme', 'k');
const dataDir = mkdtempSync(join(tmpdir(), 'handoff-documents-'));
const noPoppler = missing('pdfinfo', 'pdftoppm', 'pdftotext');
const noFfmpeg = missing('ffmpeg', 'ffprobe');

afterAll(() => {
  rmSync(dataDir, { recursive: true, force: true });
});

async function read(bytes: string | Uint8Array, contentType: string) {
  const facts = { id: fileIdFor(jobId, 'source'), name: 'a', contentType, tenant: 'acme', jobId };
  const file = await (await store.files.stage(chunks(bytes))).commit(facts);
  const limits = { memoryMb: 128, threads: 1, diskMb: 100, maxRows: 1000, querySeconds: 60 };
  const documents = createDocumentReader({ dataDir, memoryMb: 1_024, timeoutSeconds: 60 });
  const activities = documentActivities({ documents, tables: createReportEngine(dataDir, limits), files: store.files, fileIdFor });
  return runActivity(() => activities.readDocument({ tenant: 'acme', file }), { jobId }).result;
}

/** Two pages; the first one says hello. */
function pdf(): string {
  const content = 'BT /F1 24 Tf 20 100 Td (Hello Ada) Tj ET';
  const objects = [
    '<< /Type /Catalog /Pages 2 0 R >>',
    '<< /Type /Pages /Kids [3 0 R 4 0 R] /Count 2 /MediaBox [0 0 200 150] >>',
    '<< /Type /Page /Parent 2 0 R /Contents 5 0 R /Resources << /Font << /F1 6 0 R >> >> >>',
    '<< /Type /Page /Parent 2 0 R >>',
    `<< /Length ${String(content.length)} >>\nstream\n${content}\nendstream`,
    '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>',
  ];
  const body = objects.map((object, index) => `${String(index + 1)} 0 obj\n${object}\nendobj\n`);
  return `%PDF-1.4\n${body.join('')}trailer\n<< /Root 1 0 R /Size 7 >>\n%%EOF\n`;
}

(noPoppler === undefined ? describe : describe.skip)(`a PDF${noPoppler === undefined ? '' : `: ${noPoppler}`}`, () => {
  test('tells its pages, its text and a picture of the first one', async () => {
    const found = await read(pdf(), 'application/pdf');
    expect(found).toMatchObject({ kind: 'pdf', pages: 2, poster: { contentType: 'image/png' }, text: { contentType: 'text/plain' } });
    expect(found.text && (await text(store.files.read(found.text)))).toContain('Hello Ada');
  });

  test('that is broken is told to be, and fails nothing', async () => {
    expect(await read('%PDF-1.7\n<html><script>alert(1)</script>', 'application/pdf')).toEqual({ kind: 'pdf', problem: 'unreadable' });
  });
});

(noFfmpeg === undefined ? describe : describe.skip)(`a video${noFfmpeg === undefined ? '' : `: ${noFfmpeg}`}`, () => {
  test('tells its length and size, and an early moment', async () => {
    const path = join(dataDir, 'a.mkv');
    const source = ['-f', 'lavfi', '-i', 'testsrc=size=64x48:rate=10:duration=2'];
    execFileSync('ffmpeg', ['-v', 'error', '-y', ...source, '-c:v', 'mjpeg', '-pix_fmt', 'yuvj420p', path]);
    const found = await read(readFileSync(path), 'video/matroska');
    expect(found).toMatchObject({
      kind: 'video',
      durationSeconds: 2,
      width: 64,
      height: 48,
      videoCodec: 'mjpeg',
      poster: { contentType: 'image/png' },
    });
  });

  test('that is a list of other files names none of them', async () => {
    const list = `#EXTM3U\n#EXTINF:1,\nfile://${join(dataDir, 'a.mkv')}\n`;
    expect(await read(list, 'video/mp4')).toEqual({ kind: 'video', problem: 'unreadable' });
  });
});

describe('a table', () => {
  test('tells columns, rows and the first of them', async () => {
    const rows = Array.from({ length: 20 }, (_, index) => `Oslo,${String(index)}`).join('\n');
    const found = await read(`city,sum\n${rows}\n`, 'text/csv');
    expect(found).toMatchObject({ kind: 'table', rows: 20, columns: [{ name: 'city', kind: 'text' }, { name: 'sum' }] });
    expect(found).toHaveProperty('preview.0', ['Oslo', 0]);
    expect(found).toHaveProperty('preview.length', 5);
  });

  test('that is none is told to be', async () => {
    expect(await read('PAR1 and nothing more PAR1', 'application/vnd.apache.parquet')).toEqual({ kind: 'table', problem: 'unreadable' });
  });
});
