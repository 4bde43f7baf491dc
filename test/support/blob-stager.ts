import { createDiskBlobStore } from '../../src/storage/disk.ts';

// A process that stages 3 MiB in the directory argv[2], commits them if argv[3] says so, tells its parent and stays until it is killed.
const [directory = '', end = 'stage'] = process.argv.slice(2);

async function* source(): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < 48; i += 1) yield Buffer.alloc(64 * 1024, i);
  if (end === 'commit') return;
  process.send?.('half way');
  await new Promise((resolve) => setTimeout(resolve, 3_600_000));
}

const staged = await createDiskBlobStore(directory).stage(source());
await staged.commit();
process.send?.(staged.sha256);
setInterval(() => undefined, 60_000);
