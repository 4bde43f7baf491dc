import type { ResponseConfig } from '@asteasolutions/zod-to-openapi';
import type { z } from 'zod';

import type { ErrorCode } from '../../errors.ts';
import { problemOfJob, problems } from '../problem.ts';
import { type HeaderName, headersOf } from './headers.ts';
import { problem } from './schemas.ts';

export interface AnswerOptions {
  /** Beside `X-Request-Id`. */
  headers?: readonly HeaderName[];
  /** Name → body. */
  examples?: Record<string, unknown>;
  /** Default `application/json`. */
  contentType?: string;
  /** Operations that take the `id` of the answer. */
  leadsTo?: readonly string[];
}

/** An answer that is no problem; without a schema it has no body. */
export function answer(description: string, schema?: z.ZodType, options: AnswerOptions = {}): ResponseConfig {
  const { headers, examples, contentType = 'application/json', leadsTo = [] } = options;
  const shown = examples && { examples: Object.fromEntries(Object.entries(examples).map(([name, value]) => [name, { value }])) };
  return {
    description,
    headers: headersOf(headers),
    ...(schema && { content: { [contentType]: { schema, ...shown } } }),
    ...(leadsTo.length > 0 && {
      links: Object.fromEntries(leadsTo.map((operationId) => [operationId, { operationId, parameters: { id: '$response.body#/id' } }])),
    }),
  };
}

const headersByStatus: Partial<Record<number, readonly HeaderName[]>> = {
  401: ['WWW-Authenticate'],
  403: ['WWW-Authenticate'],
  405: ['Allow'],
  416: ['Content-Range'],
  429: ['Retry-After'],
  503: ['Retry-After'],
};

/** The answers for these codes: one for each status that they have, with an example of each code. */
export function problemsFor(codes: readonly ErrorCode[]): Record<string, ResponseConfig> {
  const statuses = [...new Set(codes.map((code) => problems[code].status))];
  return Object.fromEntries(
    statuses.map((status) => {
      const those = [...new Set(codes)].filter((code) => problems[code].status === status);
      const answer: ResponseConfig = {
        description: those.map((code) => `\`${code}\`: ${problems[code].title}.`).join('\n'),
        headers: headersOf(headersByStatus[status]),
        content: {
          'application/problem+json': {
            schema: problem,
            examples: Object.fromEntries(those.map((code) => [code, { $ref: `#/components/examples/${code}` }])),
          },
        },
      };
      return [String(status), answer];
    }),
  );
}

/** One for each code: `components/examples`. */
export const problemExamples = Object.fromEntries(
  (Object.keys(problems) as ErrorCode[]).map((code) => {
    const { status, title } = problems[code];
    const requestId = '42ee8b26-8372-4153-b07d-e14b42aadf16';
    const retryable = status === 503 || status === 429;
    return [code, { summary: title, value: { ...problemOfJob({ code, message: `${title}.` }), requestId, retryable } }];
  }),
);
