/** The other side of `startPeer`: answers each request, and ends with its parent. */
export function serve(work: (request: never) => Promise<unknown>): void {
  process.on('message', ({ id, request }: { id: number; request: never }) => {
    work(request).then(
      (answer) => process.send?.({ id, answer }),
      (error: unknown) => process.send?.({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
    );
  });
  process.on('disconnect', () => {
    process.exit();
  });
}
