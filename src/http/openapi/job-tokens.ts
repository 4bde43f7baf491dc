import type { OpenAPIRegistry } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';

import { tokenRequest } from '../job-tokens.ts';
import { jobParameter } from './jobs.ts';
import { answer } from './responses.ts';
import { describeRoute } from './route.ts';
import { time } from './schemas.ts';

const example = {
  token: 'hjt_key_0123456789abcdef0123456789.email_favhp5ge2rm62zof2zj3sgeyag.1795354538.…',
  expiresAt: '2026-11-22T13:35:38.000Z',
};

export function describeJobTokens(registry: OpenAPIRegistry): void {
  describeRoute(registry, {
    method: 'post',
    path: '/v1/jobs/{id}/tokens',
    operationId: 'createJobToken',
    scope: 'read',
    tag: 'Jobs',
    summary: 'A token for browsers, with which this job can be read',
    description:
      'It is good for the job, its events and its explanation, and for nothing else. Send it like an API key; `EventSource` may send it as `access_token`. It ends when its time is over, or when the key that asked for it is no longer valid.',
    request: {
      params: jobParameter,
      body: {
        required: false,
        content: { 'application/json': { schema: tokenRequest, examples: { hour: { value: { ttlSeconds: 3_600 } } } } },
      },
    },
    answers: {
      201: answer('The token.', z.object({ token: z.string(), expiresAt: time }), { headers: ['Cache-Control'], examples: { example } }),
    },
    problems: ['malformed_json', 'unsupported_media_type', 'payload_too_large', 'not_found', 'temporal_unavailable'],
  });
}
