import type { FieldError } from '../errors.ts';
import type { TemplateParts, TemplateSource } from '../jobs/email-templates.ts';
import { allUnusable, syntaxFault, unusable } from './faults.ts';
import { maxSourceBytes, maxVariablesBytes } from './limits.ts';
import { type PartName } from './liquid.ts';
import { compileMarkup } from './markup.ts';
import { parsePart, parseParts, tryRender } from './parts.ts';
import { costOfSchema } from './schema-cost.ts';
import { variableFaults } from './schema.ts';
import { reserved } from './reserved.ts';

const fields = ['subject', 'mjml', 'html', 'text'] as const;
type Field = (typeof fields)[number];
const partOf = (field: Field): PartName => (field === 'mjml' ? 'html' : field);

/** What is wrong with Liquid, told by the lines that its author has. */
function syntaxFaults(source: TemplateSource): FieldError[] {
  return fields.flatMap((field) => {
    const text = source[field];
    if (text === undefined) return [];
    if (Buffer.byteLength(text) > maxSourceBytes)
      return [{ pointer: `/${field}`, detail: `has more than ${String(maxSourceBytes)} bytes` }];
    try {
      parsePart(partOf(field), text);
      return [];
    } catch (error) {
      return [{ pointer: `/${field}`, detail: syntaxFault(error) }];
    }
  });
}

function schemaFaults({ schema, sample }: TemplateSource): FieldError[] {
  if (Buffer.byteLength(JSON.stringify(schema)) > maxVariablesBytes)
    return [{ pointer: '/schema', detail: `has more than ${String(maxVariablesBytes)} bytes` }];
  const checked = costOfSchema(schema);
  if ('faults' in checked) return checked.faults.map(({ pointer, detail }) => ({ pointer: `/schema${pointer}`, detail }));
  return variableFaults(schema, sample).map(({ pointer, detail }) => ({ pointer: `/sample${pointer}`, detail }));
}

/**
 * All that can be found out before the first message is sent: what comes through can be rendered with its own sample.
 * @throws AppError `template_invalid`.
 */
export async function compileTemplate(source: TemplateSource, now: Date): Promise<TemplateParts> {
  const faults = [...syntaxFaults(source), ...schemaFaults(source)];
  if (faults.length > 0) throw allUnusable(faults);
  const { subject, text = null } = source;
  const parts = { subject, html: (await compileMarkup(source)) ?? null, text };
  const field = (part: PartName) => (part === 'html' && source.mjml !== undefined ? 'mjml' : part);
  try {
    if (parts.html !== null) parsePart('html', parts.html);
  } catch (error) {
    throw unusable(`/${field('html')}`, `as HTML: ${syntaxFault(error)}`);
  }
  const outcome = tryRender(parseParts(parts), { variables: { ...reserved, ...source.sample }, now });
  if ('failure' in outcome) throw unusable(`/${field(outcome.failure.part)}`, `with the sample: ${outcome.failure.reason}`);
  return parts;
}
