import type { OpenAPIRegistry } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';

import { answer } from './responses.ts';
import { describeRoute } from './route.ts';

const rate = (description: string) =>
  z
    .number()
    .min(0)
    .nullable()
    .meta({ description: `${description} 0: paused; null: not limited.` });

const provider = z
  .object({
    name: z.string(),
    kind: z.enum(['smtp', 'ses', 'resend', 'postmark', 'log']),
    circuit: z.enum(['closed', 'open', 'half_open']).nullable().meta({
      description:
        '`open`: it failed several times in a row and is left alone for a while. null: this process sends no mail, so it does not know.',
    }),
    perSecond: rate('Messages per second, of all workers together.'),
    bulkPerSecond: rate('The same for batches.'),
  })
  .meta({ id: 'MailProvider' });

const list = z.object({ items: z.array(provider) }).meta({ id: 'MailProviderList', description: 'In the order in which they are tried.' });

const example = {
  items: [
    { name: 'main', kind: 'resend', circuit: 'closed', perSecond: 14, bulkPerSecond: 10 },
    { name: 'spare', kind: 'smtp', circuit: 'closed', perSecond: null, bulkPerSecond: null },
  ],
};

export function describeMailProviders(registry: OpenAPIRegistry): void {
  describeRoute(registry, {
    method: 'get',
    path: '/v1/mail-providers',
    operationId: 'listMailProviders',
    scope: 'admin',
    tag: 'Mail providers',
    summary: 'The ways on which mail leaves, and how fast it may',
    description: 'They are the same for all tenants. The operator of the installation changes rates: `handoff mail-providers rate`.',
    answers: { 200: answer('The providers.', list, { headers: ['Cache-Control'], examples: { example } }) },
    problems: ['temporal_unavailable'],
  });
}
