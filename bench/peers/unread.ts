import type { DataConverter, PayloadCodec } from '@temporalio/common';

const encryptedAs = 'binary/encrypted';
const nothing = { metadata: { encoding: Buffer.from('binary/null') } };

const codec: PayloadCodec = {
  encode: (payloads) => Promise.resolve(payloads),
  decode: (payloads) =>
    Promise.resolve(
      payloads.map((payload) => (Buffer.from(payload.metadata?.['encoding'] ?? []).toString() === encryptedAs ? nothing : payload)),
    ),
};

/** For clients without the product's keys: they see what becomes of its jobs, and nothing for what is in them. */
export const unread: DataConverter = { payloadCodecs: [codec] };
