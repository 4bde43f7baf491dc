import './temporal-server.ts';

/** Jest's globalTeardown. */
export default async function stopTemporalServer(): Promise<void> {
  await globalThis.stopTemporalServer?.();
}
