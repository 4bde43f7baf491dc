import type { ResponseConfig } from '@asteasolutions/zod-to-openapi';

const text = { type: 'string' } as const;
const seconds = { type: 'integer', minimum: 0 } as const;

/** Every response header that a route may have, described once. */
export const responseHeaders = {
  'X-Request-Id': { required: true, description: 'Finds this answer in the log.', schema: { ...text, format: 'uuid' } },
  Location: { required: true, description: 'Where to ask for it.', schema: text, example: '/v1/jobs/email_favhp5ge2rm62zof2zj3sgeyag' },
  'Retry-After': { description: 'Seconds after which it makes sense to ask (again).', schema: seconds, example: 1 },
  RateLimit: {
    description: 'draft-ietf-httpapi-ratelimit-headers: for each policy, `r` requests are left and new ones come in `t` seconds.',
    schema: text,
    example: '"requests";r=12;t=31',
  },
  'RateLimit-Policy': {
    description: 'For each policy, `q` requests in `w` seconds: of the tenant, of its key, or of an address without a key.',
    schema: text,
    example: '"requests";q=600;w=60',
  },
  'Idempotency-Replayed': {
    description: 'Present when an earlier request with this key had started it.',
    schema: { ...text, enum: ['true'] },
  },
  'Preference-Applied': { description: 'RFC 7240: the wait that was granted.', schema: text, example: 'wait=30' },
  'Handoff-Job': {
    description: 'The job of an upload whose last byte has arrived.',
    schema: text,
    example: '/v1/jobs/upload_favhp5e7n7tcu3v4du3j3scdzk',
  },
  'Upload-Offset': { description: 'tus: how many bytes there are.', schema: text, example: '5242880' },
  'Upload-Expires': { description: 'tus: when the upload is removed, unless it is finished.', schema: text },
  'Want-Content-Digest': {
    description: 'RFC 9530: the digest that was sent was not looked at; these would be.',
    schema: text,
    example: 'sha-256=10, sha-512=5',
  },
  ETag: { description: 'For `If-None-Match`.', schema: text },
  'Cache-Control': { description: 'Who may keep the answer, and for how long.', schema: text },
  Link: { description: 'RFC 8288: `rel="next"` is the next page.', schema: text },
  Allow: { required: true, description: 'The methods of this path.', schema: text, example: 'GET, HEAD' },
  'WWW-Authenticate': { description: 'RFC 6750: what is wrong with the API key.', schema: text, example: 'Bearer realm="handoff"' },
  'Content-Disposition': { required: true, description: 'Always `attachment`, with the name of the file.', schema: text },
  'Content-Range': { required: true, description: 'RFC 9110: which bytes of how many.', schema: text, example: 'bytes 0-99/1234' },
  'Accept-Ranges': { required: true, description: 'Parts can be asked for with `Range`.', schema: { ...text, enum: ['bytes'] } },
} as const satisfies NonNullable<Exclude<ResponseConfig['headers'], { _zod: unknown }>>;

export type HeaderName = keyof typeof responseHeaders;

/** References to the descriptions above; `X-Request-Id` is in every answer. */
export function headersOf(names: readonly HeaderName[] = []) {
  return Object.fromEntries(['X-Request-Id' as const, ...names].map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

/** Where requests are limited. */
export const rateLimitHeaders = Object.fromEntries(
  (['RateLimit', 'RateLimit-Policy'] as const).map((name) => [name, { $ref: `#/components/headers/${name}` }]),
);
