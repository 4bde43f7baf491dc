import { Readable } from 'node:stream';
import { describe, expect, it, jest } from '@jest/globals';

import { abortable } from '../../../src/storage/abortable.ts';
import { chunks } from './directory.ts';

const reason = new Error('cancelled');

describe('abortable', () => {
  it('is the source as long as nobody aborts', async () => {
    const seen: string[] = [];
    for await (const chunk of abortable(chunks('a', 'b'), new AbortController().signal)) seen.push(String(chunk));
    expect(seen).toEqual(['a', 'b']);
  });

  it('destroys a stream that is silent', async () => {
    const abort = new AbortController();
    const source = new Readable({ read: jest.fn() });
    const pending = abortable(source, abort.signal).next();
    abort.abort(reason);
    await expect(pending).rejects.toBe(reason);
    expect(source.destroyed).toBe(true);
  });

  it('does not wait for a source that is stuck', async () => {
    async function* stuck(): AsyncGenerator<never> {
      await new Promise(() => undefined);
    }
    const abort = new AbortController();
    const pending = abortable(stuck(), abort.signal).next();
    abort.abort(reason);
    await expect(pending).rejects.toBe(reason);
  });

  it('closes the source when the reader leaves, and when it is aborted between two chunks', async () => {
    const closed: string[] = [];
    async function* source(name: string): AsyncGenerator<string> {
      try {
        for (;;) yield await Promise.resolve(name);
      } finally {
        closed.push(name);
      }
    }
    const abort = new AbortController();
    const left = abortable(source('left'), abort.signal);
    await left.next();
    await left.return();
    const aborted = abortable(source('aborted'), abort.signal);
    await aborted.next();
    abort.abort(reason);
    await expect(aborted.next()).rejects.toBe(reason);
    expect(closed).toEqual(['left', 'aborted']);
  });
});
