import { z } from 'zod';

import { singleLine } from '../jobs/single-line.ts';

/** PostgreSQL can't hold the character 0. */
const liquid = z
  .string()
  .min(1)
  // eslint-disable-next-line no-control-regex -- that one is the point
  .regex(/^[^\u0000]*$/, 'must not contain the character 0');

const variables = z.record(z.string(), z.unknown());
const jsonSchema = z.union([z.boolean(), variables], 'must be a JSON Schema: an object, true or false');

const sourceFields = {
  subject: singleLine.min(1).max(2_000).meta({ description: 'Liquid. What it becomes is one line.' }),
  mjml: liquid.optional().meta({ description: 'MJML with Liquid: becomes the HTML part. Or give `html`.' }),
  html: liquid.optional().meta({ description: 'HTML with Liquid: rules of `<style>` become attributes. Or give `mjml`.' }),
  text: liquid.optional().meta({ description: 'Liquid. Without it the text part is made from the HTML part.' }),
  schema: jsonSchema.meta({ description: 'JSON Schema 2020-12 of the variables.' }),
  sample: variables.meta({ description: 'Variables that fit the schema: the template is tried out with them. No personal data.' }),
  description: singleLine.max(500).optional(),
};

/** Body of `PUT /v1/email-templates/{name}`. */
export const templateRequest = z
  .strictObject(sourceFields)
  .refine(({ mjml, html }) => mjml === undefined || html === undefined, { path: ['html'], error: 'give mjml or html, not both' })
  .refine(({ mjml, html, text }) => (mjml ?? html ?? text) !== undefined, { path: ['mjml'], error: 'give mjml, html or text' })
  .meta({
    id: 'EmailTemplateRequest',
    examples: [
      {
        subject: 'Welcome, {{ name }}',
        mjml: '<mjml><mj-body><mj-section><mj-column><mj-text>Hello {{ name }}</mj-text></mj-column></mj-section></mj-body></mjml>',
        schema: { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] },
        sample: { name: 'Ada' },
      },
    ],
  });

const version = z.int().min(1).optional().meta({ description: 'Default: the newest one.' });
const filling = variables.optional().meta({ description: 'Default: the sample.' });

/** Body of `POST …/preview`. */
export const previewRequest = z
  .strictObject({
    version,
    variables: filling,
    source: templateRequest.optional().meta({ description: 'Not saved yet: in the place of a version.' }),
  })
  .refine((body) => body.version === undefined || body.source === undefined, {
    path: ['source'],
    error: 'give version or source, not both',
  })
  .meta({ id: 'EmailTemplatePreviewRequest', examples: [{ variables: { name: 'Ada' } }] });

/** Body of `POST …/message`. */
export const messageRequest = z
  .strictObject({ version, variables: filling })
  .meta({ id: 'EmailTemplateMessageRequest', examples: [{ version: 3, variables: { name: 'Ada' } }] });
