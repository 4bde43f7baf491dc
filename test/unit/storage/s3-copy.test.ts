import { afterEach, expect, it } from '@jest/globals';

import { connectS3, type S3Connection } from '../../../src/storage/s3-connection.ts';
import { copyObject } from '../../../src/storage/s3-objects.ts';
import { testBucket } from './s3-bucket.ts';

const bucket = testBucket();
const limits = { whole: 9, part: 4 };
let connection: S3Connection | undefined;

afterEach(() => connection?.close());

async function copy(text: string): Promise<boolean> {
  const { s3 } = bucket;
  connection = connectS3({
    ...{ bucket: s3.bucket, region: 'us-east-1', endpoint: s3.endpoint, publicEndpoint: undefined, pathStyle: true },
    credentials: { accessKeyId: 'AKIDTESTTESTTEST', secretAccessKey: 'secret' },
  });
  const opened = await connection.open();
  const { sdk, client } = opened;
  await client.send(new sdk.PutObjectCommand({ Bucket: s3.bucket, Key: 'from', Body: text }));
  return copyObject(opened, 'from', 'to', limits);
}

const ranges = () => bucket.sent('PUT', /partNumber=/).map(({ headers }) => headers['x-amz-copy-source-range']);

it('copies in one request what fits into one', async () => {
  expect(await copy('Dear Ada')).toBe(true);
  expect(bucket.s3.objects.get('to')?.body.toString()).toBe('Dear Ada');
  expect(ranges()).toEqual([]);
});

it('copies in parts what does not, each byte once', async () => {
  // fauxqs can not: test/support/s3.ts.
  bucket.s3.instead = ({ method, path }) => {
    if (method === 'PUT' && path.includes('partNumber=')) return { status: 200, body: '<CopyPartResult><ETag>"x"</ETag></CopyPartResult>' };
    return method === 'POST' && path.includes('uploadId=') ? { status: 200, body: '<CompleteMultipartUploadResult/>' } : undefined;
  };
  expect(await copy('Dear Ada.!')).toBe(true);
  expect(ranges()).toEqual(['bytes=0-3', 'bytes=4-7', 'bytes=8-9']);
  expect(bucket.sent('POST', /uploadId=/)).toHaveLength(1);
});

it('leaves nothing unfinished when a part can not be copied', async () => {
  bucket.s3.instead = ({ path }) => (path.includes('partNumber=2') ? { status: 400, code: 'InvalidRange' } : undefined);
  await expect(copy('Dear Ada.!')).rejects.toMatchObject({ code: 'storage_unavailable' });
  expect([bucket.s3.unfinished(), bucket.s3.keys()]).toEqual([0, ['from']]);
});
