import { existsSync } from 'node:fs';
import { afterAll, afterEach, beforeAll } from '@jest/globals';

import { createS3BlobStore, type S3BlobStore } from '../../../src/storage/s3.ts';
import { type S3Request, startS3, type TestS3 } from '../../support/s3.ts';
import { type TestDirectory, testDirectory } from './directory.ts';

const secret = 'a secret that is nowhere to be seen';

export interface TestBucket {
  readonly s3: TestS3;
  readonly spool: TestDirectory;
  /** Another process, as far as one process can tell. */
  readonly store: (location?: Partial<Parameters<typeof createS3BlobStore>[0]>) => S3BlobStore;
  /** Without the prefix of the store. */
  readonly keys: () => string[];
  /** What waits to be sent. */
  readonly local: () => Promise<string[]>;
  readonly sent: (method: string, path: RegExp) => S3Request[];
  /** By how much the clock of the stores is ahead, in milliseconds. */
  ahead: number;
}

/** A bucket that is empty when a test begins. */
export function testBucket(): TestBucket {
  const spool = testDirectory();
  const open: S3BlobStore[] = [];
  let s3: TestS3;
  const bucket: TestBucket = {
    ...{ spool, ahead: 0 },
    get s3() {
      return s3;
    },
    store(location = {}) {
      const made = createS3BlobStore({
        ...{ bucket: s3.bucket, prefix: 'handoff', region: 'us-east-1', endpoint: s3.endpoint, publicEndpoint: undefined, pathStyle: true },
        ...{ credentials: { accessKeyId: 'AKIDTESTTESTTEST', secretAccessKey: secret }, spool: spool.path },
        now: () => Date.now() + bucket.ahead,
        ...location,
      });
      open.push(made);
      return made;
    },
    keys: () => s3.keys().map((key) => key.replace('handoff/', '')),
    local: async () => (existsSync(spool.path) ? spool.files() : []),
    sent: (method, path) => s3.requests.filter((request) => request.method === method && path.test(request.path)),
  };
  beforeAll(async () => {
    s3 = await startS3();
  });
  afterEach(async () => {
    s3.clear();
    bucket.ahead = 0;
    await Promise.all(open.splice(0).map((one) => one.close()));
  });
  afterAll(() => s3.close());
  return bucket;
}
