import type { OpenAPIRegistry } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';

import { templateRequest } from '../template-requests.ts';
import { describeVersions } from './versions.ts';

const { schema, sample } = templateRequest.shape;

export function describeEmailTemplates(registry: OpenAPIRegistry): void {
  describeVersions(registry, {
    tag: 'E-mail templates',
    path: '/email-templates',
    noun: { one: 'an e-mail template', many: 'e-mail templates' },
    named: { one: 'EmailTemplate', many: 'EmailTemplates' },
    name: 'welcome',
    request: templateRequest,
    content: {
      subject: z.string(),
      mjml: z.string().nullable(),
      html: z.string().nullable(),
      text: z.string().nullable(),
      schema,
      sample,
    },
    checked: 'MJML is compiled, CSS is inlined, and the sample is rendered: what is not valid is refused, with its place.',
    problems: ['template_invalid', 'overloaded'],
    removed: 'No new job can have it. Jobs that were taken before send it as they would have.',
  });
}
