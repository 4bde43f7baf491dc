import { describe, expect, test } from '@jest/globals';

import { type ArchiveExaminer, scanActivities, type VirusScanner } from '../../../activities/scan.ts';
import { AppError } from '../../../src/errors.ts';
import type { FileCheck } from '../../../src/jobs/file-checks.ts';
import { fileIdFor, newJobId } from '../../../src/jobs/ids.ts';
import { runActivity } from '../../support/activity.ts';
import { anEntry } from '../../support/audit.ts';
import { chunks, testFileStore } from '../../support/file-store.ts';

const store = testFileStore();
const jobId = newJobId('upload', 'acme', 'k');
const both: FileCheck[] = [{ name: 'archive', format: 'zip' }, { name: 'virus' }];
const engine = { engine: 'ClamAV 1.4.3', databaseDate: '2026-11-29T09:30:00.000Z' };

const archives: ArchiveExaminer = { examine: () => Promise.resolve({ examined: true, entries: 2, unpackedBytes: 9, rejection: null }) };
const bomb = { reason: 'archive_bomb' as const, detail: 'it unpacks to more than 5 bytes' };
const refusing: ArchiveExaminer = { examine: () => Promise.resolve({ examined: true, rejection: bomb }) };
function scanning(virus: string | null): VirusScanner & { readonly count: number } {
  let count = 0;
  return {
    get count() {
      return count;
    },
    async scan(source, { passed }) {
      count += 1;
      for await (const chunk of source as AsyncIterable<Buffer>) passed(chunk.byteLength);
      return { virus, ...engine };
    },
  };
}

async function quarantined(bytes = 'some bytes', role = 'x') {
  const facts = { id: fileIdFor(jobId, role), name: 'a.zip', contentType: 'application/zip', tenant: 'acme', jobId, quarantined: true };
  return (await store.files.stage(chunks(bytes))).commit(facts);
}

type File = Awaited<ReturnType<typeof quarantined>>;
type Given = { archives?: ArchiveExaminer; scanner?: VirusScanner | undefined; checks?: FileCheck[] };
function run(file: File, given: Given = {}) {
  const scanner = 'scanner' in given ? given.scanner : scanning(null);
  const activities = scanActivities({ files: store.files, archives: given.archives ?? archives, scanner });
  return runActivity(() => activities.scanFile({ tenant: 'acme', file, checks: given.checks ?? both }), { jobId });
}
const stateOf = async ({ id }: File) => (await store.files.look('acme', id))?.state;

describe('scanFile', () => {
  test('does the checks one after the other, tells how far it is, and lets the file go', async () => {
    const file = await quarantined();
    const { result, beats } = run(file);
    const checks = [
      { name: 'archive', outcome: 'passed', format: 'zip', entries: 2, unpackedBytes: 9 },
      { name: 'virus', outcome: 'passed', ...engine },
    ];
    expect(await result).toEqual({ checks, rejection: null });
    expect(beats).toContainEqual({ done: 0, total: 10, unit: 'bytes', stage: 'looking into the archive' });
    expect(beats).toContainEqual({ done: 10, total: 10, unit: 'bytes', stage: 'scanning for viruses' });
    expect(await store.files.find('acme', file.id)).toMatchObject({ state: 'ready', checks });
  });

  test('rejects at the first check that fails, removes the bytes, and keeps what was found', async () => {
    const file = await quarantined();
    const scanner = scanning(null);
    const verdict = { checks: [{ name: 'archive', outcome: 'rejected', format: 'zip' }], rejection: bomb };
    expect(await run(file, { archives: refusing, scanner }).result).toEqual(verdict);
    expect([scanner.count, await store.count(), await stateOf(file)]).toEqual([0, 0, 'rejected']);
  });

  test('rejects what the scanner has found, by its name', async () => {
    const file = await quarantined();
    const found = { reason: 'virus', detail: 'the virus scanner found Eicar-Test' };
    expect(await run(file, { scanner: scanning('Eicar-Test') }).result).toMatchObject({ rejection: found });
    await expect(store.files.find('acme', file.id)).rejects.toMatchObject({ code: 'file_rejected' });
  });

  test('a second time finds the verdict of the first one, even if the answer was lost, and checks nothing again', async () => {
    for (const virus of [null, 'Eicar-Test']) {
      const file = await quarantined('bytes', String(virus));
      const first = await run(file, { scanner: scanning(virus) }).result;
      const again = scanning('another');
      expect(await run(file, { scanner: again, archives: refusing }).result).toEqual(first);
      expect(again.count).toBe(0);
    }
  });

  test.each([
    ['is away', scanning(null), new AppError('scanner_unavailable', 'away', { retryable: true }), 'scanner_unavailable'],
    ['is not there', undefined, undefined, 'scanner_configuration'],
  ])('a scanner that %s lets nothing through: it is tried again, and the file stays where it is', async (_how, scanner, error, type) => {
    const file = await quarantined();
    const given = scanner && { scan: () => Promise.reject(error) };
    await expect(run(file, { scanner: given }).result).rejects.toMatchObject({ type, nonRetryable: false });
    expect([await stateOf(file), await store.count()]).toEqual(['quarantined', 1]);
  });

  test('a format that can not be looked into is told, and goes to the scanner', async () => {
    const file = await quarantined();
    const unknown: ArchiveExaminer = { examine: () => Promise.resolve({ examined: false, rejection: null }) };
    const { checks } = await run(file, { archives: unknown, checks: [{ name: 'archive', format: '7z' }, { name: 'virus' }] }).result;
    expect(checks).toMatchObject([{ name: 'archive', outcome: 'not_examined', format: '7z' }, { name: 'virus' }]);
  });

  test('a file that is deleted meanwhile ends the job, and nothing of it comes back', async () => {
    const file = await quarantined();
    const scanner = scanning(null);
    const removing: ArchiveExaminer = {
      async examine(...given) {
        await store.files.remove('acme', file.id, anEntry());
        return archives.examine(...given);
      },
    };
    const gone = { type: 'file_not_found', nonRetryable: true };
    await expect(run(file, { archives: removing, scanner }).result).rejects.toMatchObject(gone);
    await expect(run(file, { scanner }).result).rejects.toMatchObject(gone);
    expect(await stateOf(file)).toBeUndefined();
  });

  test('bytes that are gone are a rejection: nobody can say that they are harmless', async () => {
    const file = await quarantined();
    const missing = scanActivities({
      archives,
      scanner: {
        scan: () => Promise.reject(new AppError('file_not_found', 'gone')),
      },
      files: store.files,
    });
    const { result } = runActivity(() => missing.scanFile({ tenant: 'acme', file, checks: [{ name: 'virus' }] }), { jobId });
    expect(await result).toMatchObject({ checks: [], rejection: { reason: 'bytes_missing' } });
    expect(await stateOf(file)).toBe('rejected');
  });

  test('is left when the job is cancelled, and the file stays in quarantine', async () => {
    const file = await quarantined();
    let began = (): void => undefined;
    const hasBegun = new Promise<void>((resolve) => {
      began = resolve;
    });
    const waiting: VirusScanner = {
      scan: (_source, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            reject(signal.reason as Error);
          });
          began();
        }),
    };
    const running = run(file, { scanner: waiting });
    await hasBegun;
    running.cancel();
    await expect(running.result).rejects.toThrow('cancelled');
    expect(await stateOf(file)).toBe('quarantined');
  });
});
