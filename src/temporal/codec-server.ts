import type { Payload } from '@temporalio/common';

import { AppError } from '../errors.ts';
import type { JsonPayload, PayloadReader } from '../jobs/payloads.ts';
import { isEncrypted, openPayload, type PayloadCodecOptions, tagIn } from './payload-codec.ts';

export type CodecServer = PayloadReader;

const encoded = (bytes: Uint8Array | null | undefined): string => Buffer.from(bytes ?? []).toString('base64');

function fromJson({ metadata, data }: JsonPayload): Payload {
  const entries = Object.entries(metadata).map(([name, value]) => [name, Buffer.from(value, 'base64')] as const);
  return { metadata: Object.fromEntries(entries), data: Buffer.from(data, 'base64') };
}

function toJson({ metadata, data }: Payload): JsonPayload {
  const entries = Object.entries(metadata ?? {}).map(([name, value]) => [name, encoded(value)] as const);
  return { metadata: Object.fromEntries(entries), data: encoded(data) };
}

const unreadable = (cause?: unknown) =>
  new AppError('payload_unreadable', 'A payload can not be decrypted with the keys of this tenant and namespace.', { cause });

/** What decrypts for Temporal's Web UI and CLI (https://docs.temporal.io/codec-server). It encrypts nothing. */
export function createCodecServer({ keys, cipher }: Pick<PayloadCodecOptions, 'keys' | 'cipher'>): CodecServer {
  return {
    decode: (payloads, { tenantTag, namespace }) =>
      Promise.all(
        payloads.map(async (json) => {
          const sealed = fromJson(json);
          if (!isEncrypted(sealed)) return json;
          if (tagIn(sealed) !== tenantTag) throw unreadable();
          try {
            return toJson((await openPayload(sealed, namespace, { keys, cipher })).payload);
          } catch (error) {
            throw error instanceof AppError ? error : unreadable(error);
          }
        }),
      ),
  };
}
