import type { OpenAPIRegistry } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';

import { mailEventProviders } from '../../jobs/mail-events.ts';
import { answer } from './responses.ts';
import { describeRoute } from './route.ts';

const token = z.object({ token: z.string().meta({ description: 'As it stands in the mail.', examples: ['ZXhhbXBsZQ'] }) });
const provider = z.object({ provider: z.enum(mailEventProviders) });
const page = (description: string) => answer(description, z.string(), { contentType: 'text/html' });

/** What recipients, mail services and bounce mailboxes say. */
export function describeMailEvents(registry: OpenAPIRegistry): void {
  describeRoute(registry, {
    method: 'get',
    path: '/v1/unsubscribe/{token}',
    operationId: 'showUnsubscribe',
    scope: null,
    tag: 'Suppressions',
    summary: 'A page with a button to unsubscribe',
    description: 'Where the `List-Unsubscribe` header of bulk mail leads. It changes nothing. Needs no key.',
    request: { params: token },
    answers: { 200: page('The page.') },
    problems: ['not_found', 'rate_limited', 'database_unavailable'],
  });
  const forms = { 'application/x-www-form-urlencoded': { schema: z.object({ 'List-Unsubscribe': z.literal('One-Click') }) } };
  describeRoute(registry, {
    method: 'post',
    path: '/v1/unsubscribe/{token}',
    operationId: 'unsubscribe',
    scope: null,
    tag: 'Suppressions',
    summary: 'Unsubscribe from bulk mail',
    description: 'RFC 8058: by one click in a mail program, or on the page. Repeating is harmless. Needs no key.',
    request: { params: token, body: { required: true, content: forms } },
    answers: { 200: page('No more bulk mail goes there.') },
    problems: ['not_found', 'invalid_request', 'unsupported_media_type', 'payload_too_large', 'rate_limited', 'database_unavailable'],
  });
  describeRoute(registry, {
    method: 'post',
    path: '/v1/mail-events/{provider}',
    operationId: 'takeMailEvent',
    scope: null,
    tag: 'Suppressions',
    summary: 'What a mail service says became of a message',
    description:
      'For the webhooks of Resend and Postmark and for SES by way of SNS, each only if it is configured. The signature is checked first. Permanent bounces and complaints put the address on the list, if the message that they name was sent to it; all else is acknowledged.',
    request: { params: provider, body: { required: true, content: { 'application/json': { schema: z.object({}).loose() } } } },
    answers: { 204: answer('Taken.') },
    problems: [
      ...(['signature_invalid', 'not_found', 'invalid_request', 'payload_too_large', 'unsupported_media_type'] as const),
      ...(['rate_limited', 'database_unavailable', 'not_ready'] as const),
    ],
  });
  describeRoute(registry, {
    method: 'post',
    path: '/v1/bounces',
    operationId: 'takeBounce',
    scope: 'operate',
    tag: 'Suppressions',
    summary: 'A message that came to the bounce mailbox',
    description:
      'A delivery status (RFC 3464) or a complaint (RFC 5965), as it came, at most 10 MiB. Who has no such mailbox, or will never have one again, and who complains, gets on the list, if the tenant sent the message that was returned to that address.',
    request: { body: { required: true, content: { 'message/rfc822': { schema: z.string() } } } },
    answers: {
      200: answer(
        'What it led to.',
        z.object({
          suppressed: z.int().min(0).meta({ description: 'Addresses that are on the list now.' }),
          unmatched: z.int().min(0).meta({ description: 'Reports about no message of the tenant to that address.' }),
        }),
        { examples: { example: { suppressed: 1, unmatched: 0 } } },
      ),
    },
    problems: ['invalid_request', 'unsupported_media_type', 'payload_too_large'],
  });
}
