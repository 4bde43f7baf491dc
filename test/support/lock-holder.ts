import { lockDataDir } from '../../src/database/data-dir-lock.ts';

// A process that locks the data directory argv[2], says so to its parent and stays until it is killed.
const [dataDir = '', platform] = process.argv.slice(2);
try {
  await lockDataDir(dataDir, { platform: platform as NodeJS.Platform });
  process.send?.('locked');
  // The lock alone would not keep it alive.
  setInterval(() => undefined, 60_000);
} catch (error) {
  process.send?.(String(error), () => process.exit(1));
}
