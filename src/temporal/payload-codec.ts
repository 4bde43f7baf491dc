import { METADATA_ENCODING_KEY, type Payload, type PayloadCodec, ValueError } from '@temporalio/common';
import proto from '@temporalio/proto';

import type { DataKeys } from '../jobs/data-keys.ts';

// CommonJS without names that Node could see.
const { Payload: PayloadMessage } = proto.temporal.api.common.v1;

const encoding = 'binary/encrypted';

/** A codec server is told no workflow id, so what is needed to decrypt lies beside the cipher text. */
const fields = { keyId: 'encryption-key-id', tag: 'handoff-tenant-tag', workflowId: 'handoff-workflow-id' } as const;

export interface Cipher {
  seal(key: Uint8Array, plain: Uint8Array, context: string): Uint8Array;
  /** @throws when the key or the context is another one, or a bit was changed. */
  open(key: Uint8Array, sealed: Uint8Array, context: string): Uint8Array;
}

export interface PayloadCodecOptions {
  keys: DataKeys;
  cipher: Cipher;
  /** The tag of the tenant that a workflow belongs to. */
  tagOf: (workflowId: string) => string;
  /** Workflows that are nobody's and hold nothing but counts: operators read them without a key of any tenant. Default: none. */
  isOpen?: (workflowId: string) => boolean;
  /** Of the connection. */
  namespace: string;
  /** false: what is written from now on is in clear; what was encrypted is still read. */
  writes: boolean;
}

type Metadata = Payload['metadata'];

const textOf = (metadata: Metadata, name: string): string => Buffer.from(metadata?.[name] ?? []).toString();

/** What a payload is bound to: moved to another workflow or namespace, or to another tenant's key, it can't be opened. */
function bindingOf(namespace: string, { keyId, tag, workflowId }: Record<keyof typeof fields, string>): string {
  return ['handoff payload 1', namespace, workflowId, tag, keyId].join('\n');
}

export function isEncrypted({ metadata }: Payload): boolean {
  return textOf(metadata, METADATA_ENCODING_KEY) === encoding;
}

/** Whose an encrypted payload says to be. That it is true shows when it is opened. */
export function tagIn({ metadata }: Payload): string {
  return textOf(metadata, fields.tag);
}

/** @throws when the key is unknown or destroyed, or the payload was written for another workflow or namespace. */
export async function openPayload(payload: Payload, namespace: string, { keys, cipher }: Pick<PayloadCodecOptions, 'keys' | 'cipher'>) {
  const { metadata, data } = payload;
  const names = { keyId: textOf(metadata, fields.keyId), tag: tagIn(payload), workflowId: textOf(metadata, fields.workflowId) };
  const found = await keys.find(names.tag, names.keyId);
  if (found === undefined) throw new ValueError('The key of this payload is unknown or was destroyed');
  const plain = cipher.open(found.key, data ?? new Uint8Array(), bindingOf(namespace, names));
  return { payload: PayloadMessage.decode(plain) as Payload, workflowId: names.workflowId };
}

/**
 * AES-256-GCM with a data key of the tenant. Payloads that are not encrypted are read as they are: they come from before
 * encryption was on, or from Temporal's CLI and Web UI.
 */
export function createPayloadCodec({
  keys,
  cipher,
  tagOf,
  isOpen = () => false,
  namespace: ours,
  writes,
}: PayloadCodecOptions): PayloadCodec {
  return {
    async encode(payloads, context) {
      if (!writes || payloads.length === 0) return payloads;
      // The SDK names no workflow for the failure of a workflow task that it could not even begin.
      const { namespace = ours, workflowId = '' } = context ?? {};
      if (isOpen(workflowId)) return payloads;
      const tag = tagOf(workflowId);
      const { id: keyId, key } = await keys.current(tag);
      const names = { keyId, tag, workflowId };
      const binding = bindingOf(namespace, names);
      const metadata: Record<string, Uint8Array> = { [METADATA_ENCODING_KEY]: Buffer.from(encoding) };
      for (const [name, field] of Object.entries(fields)) metadata[field] = Buffer.from(names[name as keyof typeof fields]);
      return payloads.map((payload) => ({
        metadata,
        data: cipher.seal(key, PayloadMessage.encode(payload).finish(), binding),
      }));
    },

    decode: (payloads, context) =>
      Promise.all(
        payloads.map(async (sealed) => {
          if (!isEncrypted(sealed)) return sealed;
          const { payload, workflowId } = await openPayload(sealed, context?.namespace ?? ours, { keys, cipher });
          if (context?.workflowId !== undefined && workflowId !== '' && context.workflowId !== workflowId)
            throw new ValueError('This payload belongs to another workflow');
          return payload;
        }),
      ),
  };
}
