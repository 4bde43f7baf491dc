import { createHash, randomBytes } from 'node:crypto';
import { expect, test } from '@jest/globals';

import { testApi } from '../../support/api.ts';
import { startCuttingProxy } from '../../support/cutting-proxy.ts';
import { seededRandom } from '../../support/random.ts';
import { tusUpload } from '../../support/tus.ts';

const uploads = 100;
const atOnce = 10;
const api = testApi({ maxUploadBytes: 1_000_000 });
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

test(`${String(uploads)} uploads whose connections break at random bytes arrive as they were sent, each has one job, and nothing is left behind`, async () => {
  const random = seededRandom(20_261_130);
  const within = (most: number) => Math.floor(random() * most);
  // Every connection breaks sooner or later: in a head, in the bytes, or in an answer.
  const proxy = await startCuttingProxy(api.port, () => 1 + within(200_000));
  try {
    const sent: string[] = [];
    const one = async (): Promise<void> => {
      while (sent.length < uploads) {
        const bytes = randomBytes(1 + within(150_000));
        sent.push(sha256(bytes));
        const retryDelays = Array.from({ length: 60 }, () => within(20));
        const { job } = await tusUpload(proxy.port, bytes, {
          retryDelays,
          chunkSize: 20_000 + within(100_000),
          storeFingerprintForResuming: false,
        });
        expect(job).toMatch(/^\/v1\/jobs\/upload_/);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, one));
    expect(proxy.cuts()).toBeGreaterThan(uploads / 2);
    const jobs = new Map(api.started.map(({ jobId, input }) => [jobId, (input as { file: { sha256: string } }).file.sha256]));
    // An upload whose beginning was answered, and the answer lost, has nothing in it and is not gone on with.
    expect([...jobs.values()].sort()).toEqual(sent.sort());
    expect((await api.uploads.names()).filter((name) => !name.endsWith('.json'))).toEqual([]);
    expect(await api.store.count()).toBe(uploads);
    expect(api.unexpected).toEqual([]);
  } finally {
    await proxy.close();
  }
});
