import type { FieldError } from '../errors.ts';
import type { JsonSchema, TemplateParts, TemplatePreview } from '../jobs/email-templates.ts';
import { failureOf } from './faults.ts';
import { liquidOf, type PartName, partNames } from './liquid.ts';
import { type Filling, parseParts, type Parts, renderPart, subjectFault } from './parts.ts';
import { reserved } from './reserved.ts';
import { variableFaults } from './schema.ts';

const maxMissing = 100;

const undefinedName = (error: unknown): string | undefined => {
  const { originalError } = error as { originalError?: { variableName?: unknown } };
  return typeof originalError?.variableName === 'string' ? originalError.variableName : undefined;
};

/** Goes on with nothing in the place of what is missing, and notes it. */
function renderAnyway(part: PartName, parts: Parts, filling: Filling, missing: Set<string>): string {
  const templates = parts[part] ?? [];
  for (;;) {
    try {
      return renderPart(part, templates, filling, missing);
    } catch (error) {
      const name = undefinedName(error);
      if (name === undefined || missing.has(name) || missing.size >= maxMissing) throw error;
      missing.add(name);
    }
  }
}

/** What the template names, outermost names only. */
function namesIn(parts: Parts): Set<string> {
  return new Set(partNames.flatMap((part) => liquidOf(part).globalVariablesSync(parts[part] ?? [])));
}

export interface PreviewOrder {
  parts: TemplateParts;
  schema: JsonSchema;
  variables: Record<string, unknown>;
  now: Date;
}

/** As it would be sent, or as near to it as can be. The caller sees its own variables. */
export function previewTemplate({ parts: sources, schema, variables, now }: PreviewOrder): TemplatePreview {
  const parts = parseParts(sources);
  const missing = new Set<string>();
  const problems: FieldError[] = variableFaults(schema, variables).map(({ pointer, detail }) => ({
    pointer: `/variables${pointer}`,
    detail,
  }));
  const shown = (part: PartName): string | null => {
    if (sources[part] === null) return null;
    try {
      return renderAnyway(part, parts, { variables: { ...reserved, ...variables }, now }, missing);
    } catch (error) {
      problems.push({ pointer: `/${part}`, detail: failureOf(part, error).reason });
      return null;
    }
  };
  const subject = shown('subject') ?? '';
  const fault = subjectFault(subject);
  if (fault !== undefined) problems.push({ pointer: '/subject', detail: fault });
  const [html, text] = [shown('html'), shown('text')];
  const names = namesIn(parts);
  const unused = Object.keys(variables).filter((name) => !names.has(name));
  return { subject, html, text, missing: [...missing], unused, problems };
}
