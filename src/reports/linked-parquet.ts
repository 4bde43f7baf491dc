import { open, rm } from 'node:fs/promises';

/** Parquet that is not packed is read where it lies: nothing is copied. @returns false when it must be unpacked */
export async function linkedParquet(link: (path: string) => Promise<boolean>, path: string): Promise<boolean> {
  if (!(await link(path))) return false;
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(4), 0, 4, 0);
    if (buffer.toString('latin1', 0, bytesRead) === 'PAR1') return true;
  } finally {
    await file.close();
  }
  await rm(path);
  return false;
}
