import { AppError } from '../errors.ts';
import { inspect, prepareDecoder, render } from './decoding.ts';
import type { Answer, Order } from './orders.ts';
import { imageFailure, isLackOfMemory } from './sharp-failure.ts';

// A process of its own, which may crash, run away or be killed: see decoders.ts.

function say(answer: Answer): void {
  process.send?.(answer);
}

async function outcomeOf(order: Order): Promise<Answer> {
  const rss = () => process.memoryUsage.rss();
  try {
    if ('inspect' in order) return { facts: await inspect(order), rss: rss() };
    const colours = await render(order, order.render, (made) => {
      say({ made });
    });
    return { colours, rss: rss() };
  } catch (cause) {
    if (isLackOfMemory(cause)) return { noMemory: true, rss: rss() };
    const error = imageFailure(cause, order.maxPixels);
    if (error instanceof AppError) return { refused: { code: error.code, message: error.message }, rss: rss() };
    return { broken: (cause as NodeJS.ErrnoException).code ?? 'unknown', rss: rss() };
  }
}

process.on('message', (order: Order) => {
  outcomeOf(order).then(say, () => process.exit(1));
});
// Whoever has started it is gone. libvips may be in the middle of something: nothing is waited for.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
// A terminal's Ctrl-C reaches all processes of its group; this one ends with the one that has started it.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);

prepareDecoder();
say({ ready: true });
