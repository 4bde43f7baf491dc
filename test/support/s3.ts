import { buildApp } from 'fauxqs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

interface KeptObject {
  key: string;
  body: Buffer;
  contentType: string;
  contentLength: number;
  etag: string;
  lastModified: Date;
  metadata: Record<string, string>;
}

/** Of fauxqs, as much as is needed here. */
interface Store {
  buckets: Map<string, Map<string, KeptObject>>;
  multipartUploads: Map<string, { key: string; initiated: Date }>;
  createBucket(name: string): void;
}

export interface S3Request {
  method: string;
  /** With the query. */
  path: string;
  headers: Record<string, string | string[] | undefined>;
}

/** What is answered in the place of the service; undefined: nothing. */
export type Instead = (request: S3Request) => { status: number; code: string } | { status: number; body: string } | undefined;

export interface TestS3 {
  readonly endpoint: string;
  readonly bucket: string;
  /** By key. */
  readonly objects: Map<string, KeptObject>;
  /** Sorted. */
  keys(): string[];
  makeOld(key: string): void;
  /** Uploads in parts that are not complete. */
  unfinished(): number;
  readonly requests: S3Request[];
  instead: Instead | undefined;
  /** Back to an empty bucket. */
  clear(): void;
  close(): Promise<void>;
}

/**
 * fauxqs: an S3 in memory. It takes any signature, any checksum and any condition, and knows no list of unfinished uploads: none of these
 * is proved by a test with it.
 */
export async function startS3(bucket = 'files'): Promise<TestS3> {
  // Its package does not export it.
  const path = join(process.cwd(), 'node_modules/fauxqs/dist/s3/s3Store.js');
  const { S3Store } = (await import(pathToFileURL(path).href)) as { S3Store: new () => Store };
  const store = new S3Store();
  store.createBucket(bucket);
  const app = buildApp({ logger: false, stores: { s3Store: store } } as unknown as Parameters<typeof buildApp>[0]);
  const objects = store.buckets.get(bucket) ?? new Map<string, KeptObject>();
  const requests: S3Request[] = [];
  let instead: Instead | undefined;
  app.addHook('onRequest', async ({ method, url, headers }, reply) => {
    const request = { method, path: url, headers };
    requests.push(request);
    const answer = instead?.(request);
    if (answer === undefined) return;
    const body = 'body' in answer ? answer.body : `<Error><Code>${answer.code}</Code><Message>No.</Message></Error>`;
    await reply.code(answer.status).header('Content-Type', 'application/xml').send(body);
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
  return {
    ...{ endpoint: `http://127.0.0.1:${String(port)}`, bucket, objects, requests },
    keys: () => [...objects.keys()].sort(),
    makeOld(key) {
      const object = objects.get(key);
      if (object === undefined) throw new Error(`There is no ${key}`);
      object.lastModified = new Date('2020-01-01T00:00:00Z');
    },
    unfinished: () => store.multipartUploads.size,
    get instead() {
      return instead;
    },
    set instead(answer) {
      instead = answer;
    },
    clear() {
      objects.clear();
      store.multipartUploads.clear();
      requests.length = 0;
      instead = undefined;
    },
    close: () => app.close(),
  };
}

/** What the configuration says of it. */
export const storageOf = ({ endpoint, bucket }: TestS3, prefix = 'handoff') => ({
  HANDOFF_STORAGE_URL: `s3://${bucket}/${prefix}?pathStyle=true&endpoint=${encodeURIComponent(endpoint)}`,
  HANDOFF_S3_ACCESS_KEY_ID: 'AKIDTESTTESTTEST',
  HANDOFF_S3_SECRET_ACCESS_KEY: 'a secret that is nowhere to be seen',
});
