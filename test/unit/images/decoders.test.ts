import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import sharp from 'sharp';

import type { ImageEngine } from '../../../activities/upload.ts';
import { createImageEngine, type ImageEngineOptions } from '../../../src/images/engine.ts';
import type { VariantRequest } from '../../../src/jobs/upload.ts';
import { eventually } from '../../support/eventually.ts';
import { picture, pixelBomb } from '../../support/pictures.ts';

let dataDir: string;
const open: { close(): Promise<void> }[] = [];
const contentType = 'image/png';
const slow: VariantRequest[] = [{ name: 'v', width: 1_500, format: 'avif' }];
const quick: VariantRequest[] = [{ name: 'v', width: 10, format: 'webp' }];

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'handoff-images-'));
});
afterEach(async () => {
  for (const engine of open.splice(0)) await engine.close();
  await rm(dataDir, { recursive: true, force: true });
});

function engineOf(options: Partial<ImageEngineOptions> = {}): ImageEngine {
  const engine = createImageEngine({ dataDir, ...options });
  open.push(engine);
  return engine;
}

/** Processes that this one has started and that decode. */
function decoders(): number[] {
  const children = readdirSync('/proc/self/task').flatMap((task) => readFileSync(`/proc/self/task/${task}/children`, 'utf8').split(' '));
  const isDecoder = (pid: number) => {
    try {
      return /images\/decoder\.[jt]s/.test(readFileSync(`/proc/${String(pid)}/cmdline`, 'utf8'));
    } catch {
      return false;
    }
  };
  return children.map(Number).filter((pid) => pid > 0 && isDecoder(pid));
}

const render = (engine: ImageEngine, bytes: Buffer, variants: VariantRequest[], signal?: AbortSignal) =>
  engine.render({ read: () => Readable.from([bytes]) }, variants, {
    ...{ contentType, ...(signal && { signal }) },
    take: () => Promise.resolve(),
  });

describe('a decoder', () => {
  test('stays for the next picture, also after one that it refuses', async () => {
    const engine = engineOf();
    const photo = await picture(60, 40).png().toBuffer();
    await render(engine, photo, quick);
    const [first, ...others] = decoders();
    expect(others).toEqual([]);
    await expect(render(engine, pixelBomb(60_000), quick)).rejects.toMatchObject({ code: 'image_too_large' });
    await render(engine, photo, quick);
    expect(decoders()).toEqual([first]);
  });

  test('that dies costs one attempt, which may be repeated; the next one finds another', async () => {
    const engine = engineOf();
    const photo = await picture(1_500, 1_000).png().toBuffer();
    const running = render(engine, photo, slow);
    const pid = await eventually(() => decoders()[0] ?? Promise.reject(new Error('not started yet')));
    process.kill(pid, 'SIGSEGV');
    await expect(running).rejects.toMatchObject({ code: 'decoder_failed', retryable: true });
    await expect(render(engine, photo, quick)).resolves.toMatchObject({ dominantColour: expect.anything() as unknown });
    expect(decoders()).not.toContain(pid);
  });

  test('that needs more memory than it may have fails, and nothing else does', async () => {
    const engine = engineOf({ memoryMb: 512 });
    const large = await sharp({ create: { width: 9_500, height: 9_500, channels: 3, background: '#888' } })
      .png()
      .toBuffer();
    const failing = render(engine, large, [{ name: 'v', width: 9_500, format: 'webp' }]);
    await expect(failing).rejects.toMatchObject({ code: 'decoder_failed', retryable: true });
    await render(engine, await picture(60, 40).png().toBuffer(), quick);
  });

  test('that takes too long is ended', async () => {
    const engine = engineOf({ timeoutSeconds: 0.05 });
    const photo = await picture(1_500, 1_000).png().toBuffer();
    await expect(render(engine, photo, slow)).rejects.toMatchObject({ code: 'decoder_failed', retryable: true });
    await eventually(() => {
      expect(decoders()).toEqual([]);
    });
  });

  test('ends at once when its job is cancelled, and leaves no file behind', async () => {
    const engine = engineOf();
    const photo = await picture(1_500, 1_000).png().toBuffer();
    const cancel = new AbortController();
    const running = render(engine, photo, slow, cancel.signal);
    await eventually(() => {
      expect(decoders()).toHaveLength(1);
    });
    cancel.abort(new Error('cancelled'));
    await expect(running).rejects.toThrow('cancelled');
    await eventually(() => {
      expect(decoders()).toEqual([]);
    });
    expect(await readdir(join(dataDir, 'image-work'))).toEqual([]);
  });

  test('sees nothing of our environment', async () => {
    const engine = engineOf();
    await render(engine, await picture(60, 40).png().toBuffer(), quick);
    const environment = readFileSync(`/proc/${String(decoders()[0])}/environ`, 'utf8')
      .split('\0')
      .map((line) => line.split('=')[0]);
    const allowed = [
      'PATH',
      'NODE_OPTIONS',
      'NODE_CHANNEL_FD',
      'NODE_CHANNEL_SERIALIZATION_MODE',
      'LC_ALL',
      'MALLOC_ARENA_MAX',
      'PWD',
      'OLDPWD',
      '_',
      '',
    ];
    expect(environment.filter((name) => !allowed.includes(name ?? ''))).toEqual([]);
  });
});
