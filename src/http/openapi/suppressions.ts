import type { OpenAPIRegistry } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';

import { suppressionCategories, suppressionReasons } from '../../jobs/suppressions.ts';
import { lookupRequest, suppressionQuery, suppressionRequest } from '../suppression-fields.ts';
import { maxLines } from '../suppression-import.ts';
import { examplesOf } from './examples.ts';
import { answer } from './responses.ts';
import { describeRoute } from './route.ts';
import { idParameter, time } from './schemas.ts';

const suppression = z
  .object({
    id: z.string(),
    address: z.string().meta({ description: 'In lower case, the domain in A-labels.' }),
    category: z.enum(suppressionCategories),
    reason: z.enum(suppressionReasons),
    note: z.string().nullable(),
    createdAt: time,
  })
  .meta({ id: 'Suppression' });

const example: z.infer<typeof suppression> = {
  id: 'supp_favhp5ge2rm62zof2zj3sgeyag',
  address: 'ada@example.com',
  category: 'all',
  reason: 'bounce',
  note: null,
  createdAt: '2026-11-22T13:25:38.095Z',
};
const one = (description: string) => answer(description, suppression, { examples: { example }, leadsTo: ['deleteSuppression'] });

const page = z.object({
  items: z.array(suppression),
  nextCursor: z.string().nullable().meta({ description: '`cursor` of the next page; null: there is none.' }),
});
const jsonOf = (schema: z.ZodType) => ({
  required: true,
  content: {
    'application/json': {
      schema,
      examples: Object.fromEntries(examplesOf(schema).map((value, index) => [`example${String(index + 1)}`, { value }])),
    },
  },
});
const ofBody = ['invalid_request', 'malformed_json', 'unsupported_media_type', 'payload_too_large'] as const;

export function describeSuppressions(registry: OpenAPIRegistry): void {
  const common = { tag: 'Suppressions' } as const;
  describeRoute(registry, {
    ...common,
    method: 'get',
    path: '/v1/suppressions',
    operationId: 'listSuppressions',
    scope: 'read',
    summary: 'Who gets no mail',
    description: 'Newest first.',
    request: { query: suppressionQuery },
    answers: { 200: answer('A page.', page, { headers: ['Link'], examples: { one: { items: [example], nextCursor: null } } }) },
    problems: ['invalid_filter', 'value_out_of_range', 'invalid_cursor'],
  });
  describeRoute(registry, {
    ...common,
    method: 'post',
    path: '/v1/suppressions',
    operationId: 'addSuppression',
    scope: 'operate',
    summary: 'Hold back mail to an address',
    description: 'There is one for each address, category and reason: repeating it changes nothing, and gives the first one.',
    request: { body: jsonOf(suppressionRequest) },
    answers: { 200: one('It was there already, and stays as it is.'), 201: one('It is added.') },
    problems: ofBody,
  });
  describeRoute(registry, {
    ...common,
    method: 'post',
    path: '/v1/suppressions/lookup',
    operationId: 'lookupSuppressions',
    scope: 'read',
    summary: 'All there is about one address',
    description: 'As `GET` with `address`, but no proxy has the address in its log.',
    request: { body: jsonOf(lookupRequest) },
    answers: {
      200: answer('What there is; an empty list: nothing.', page.pick({ items: true }), { examples: { one: { items: [example] } } }),
    },
    problems: ofBody,
  });
  const lines = z.string().meta({ examples: ['email,reason\nada@example.com,bounce\n'] });
  describeRoute(registry, {
    ...common,
    method: 'post',
    path: '/v1/suppressions/import',
    operationId: 'importSuppressions',
    scope: 'operate',
    summary: 'Add many, from a file',
    description: `CSV, whose first line names the columns (\`email\`, and as you like \`reason\`, \`category\` and \`note\`), or one JSON object a line with the same names. At most ${maxLines.toLocaleString('en')} lines and 20 MiB, in UTF-8. All lines are checked before the first is stored: with one fault nothing is. After an answer of 503 some are stored; repeating is harmless.`,
    request: { body: { required: true, content: { 'text/csv': { schema: lines }, 'application/x-ndjson': { schema: z.string() } } } },
    answers: {
      200: answer(
        'All are on the list.',
        z.object({ added: z.int().min(0), already: z.int().min(0).meta({ description: 'Were there, or stand twice in the file.' }) }),
        { examples: { example: { added: 998, already: 2 } } },
      ),
    },
    problems: ['invalid_request', 'unsupported_media_type', 'payload_too_large'],
  });
  describeRoute(registry, {
    ...common,
    method: 'delete',
    path: '/v1/suppressions/{id}',
    operationId: 'deleteSuppression',
    scope: 'operate',
    summary: 'Take an address off the list',
    description: 'Other reasons for the same address stay.',
    request: { params: idParameter('Id of the suppression.', example.id) },
    answers: { 204: answer('It is gone.') },
    problems: ['not_found'],
  });
}
