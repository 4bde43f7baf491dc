import type { OpenAPIRegistry } from '@asteasolutions/zod-to-openapi';

import { payloadsRequest } from '../codec.ts';
import { examplesOf } from './examples.ts';
import { answer } from './responses.ts';
import { describeRoute } from './route.ts';

export function describeCodec(registry: OpenAPIRegistry): void {
  const [example] = examplesOf(payloadsRequest);
  describeRoute(registry, {
    method: 'post',
    path: '/v1/codec/decode',
    operationId: 'decodePayloads',
    scope: 'operate',
    tag: 'Encryption',
    summary: 'Decrypt payloads for the Temporal Web UI and CLI',
    description:
      'A codec server (https://docs.temporal.io/codec-server), for payloads of the own tenant. Give `https://…/v1/codec` to the Web UI, or to the CLI as `--codec-endpoint`. There is no `encode`. The header `X-Namespace` names the namespace.',
    request: {
      body: { required: true, content: { 'application/json': { schema: payloadsRequest, examples: { one: { value: example } } } } },
    },
    answers: {
      200: answer('The payloads, in the same order.', payloadsRequest, { headers: ['Cache-Control'], examples: { one: example } }),
    },
    problems: ['invalid_request', 'malformed_json', 'unsupported_media_type', 'payload_too_large', 'payload_unreadable'],
  });
}
