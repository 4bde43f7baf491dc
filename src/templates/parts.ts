import { Context, type Template, toValueSync } from 'liquidjs';

import { AppError } from '../errors.ts';
import { type Failure, failureOf, syntaxFault, TooLong } from './faults.ts';
import { maxDepth, maxSubject, maxTags } from './limits.ts';
import { liquidOf, nowKey, type PartName, partNames } from './liquid.ts';

/** Parsed. */
export interface Parts {
  subject: Template[];
  html?: Template[];
  text?: Template[];
}

function assertShallow(templates: Template[], depth = 0): void {
  if (depth > maxDepth) throw new RangeError('too deep');
  for (const template of templates) {
    const inner = template.children?.(false, true).next().value;
    if (Array.isArray(inner)) assertShallow(inner as Template[], depth + 1);
  }
}

/** @throws what `syntaxFault` explains. */
export function parsePart(part: PartName, source: string): Template[] {
  if ((source.match(/\{[{%]/g)?.length ?? 0) > maxTags) throw new TooLong(`has more than ${String(maxTags)} tags`);
  const templates = liquidOf(part).parse(source);
  assertShallow(templates);
  return templates;
}

/** @throws AppError `template_failed`. */
export function parseParts(sources: Partial<Record<PartName, string | null>>): Parts {
  const parts: Partial<Parts> = {};
  for (const part of partNames) {
    const source = sources[part];
    if (source === undefined || source === null) continue;
    try {
      parts[part] = parsePart(part, source);
    } catch (error) {
      throw new AppError('template_failed', `${part}: ${syntaxFault(error)}.`, { cause: error });
    }
  }
  return { subject: [], ...parts };
}

/** What a template can know. */
export interface Filling {
  variables: Record<string, unknown>;
  now: Date;
}

/** Missing paths that are read as nothing, to find the others. */
class TolerantContext extends Context {
  tolerated: ReadonlySet<string> = new Set();

  override *_getFromScope(...args: Parameters<Context['_getFromScope']>): IterableIterator<unknown> {
    try {
      return yield* super._getFromScope(...args) as Generator<unknown, unknown>;
    } catch (error) {
      const { variableName } = error as { variableName?: string };
      if (variableName === undefined || !this.tolerated.has(variableName)) throw error;
      return null;
    }
  }
}

/** @throws as Liquid. */
export function renderPart(part: PartName, templates: Template[], { variables, now }: Filling, tolerated?: ReadonlySet<string>): string {
  const liquid = liquidOf(part);
  // `increment` writes into it.
  const scope = Object.assign(Object.create(null) as object, variables);
  const context = new TolerantContext(scope, liquid.options, { sync: true, globals: { [nowKey]: now } }, { liquid });
  if (tolerated !== undefined) context.tolerated = tolerated;
  return String(toValueSync(liquid.renderer.renderTemplates(templates, context)));
}

// eslint-disable-next-line no-control-regex -- these are what is looked for
const lineBreaks = /[\u0000-\u001f\u007f\u0085\u2028\u2029]/;

/** A header must stay one line, whatever it was filled with. */
export function subjectFault(subject: string): string | undefined {
  if (lineBreaks.test(subject)) return 'the result has line breaks or control characters';
  return subject.length > maxSubject ? `the result has more than ${String(maxSubject)} characters` : undefined;
}

export interface Rendered {
  subject: string;
  html?: string;
  text?: string;
}

/** @returns what was rendered, or what went wrong first. */
export function tryRender(parts: Parts, filling: Filling): { rendered: Rendered } | { failure: Failure } {
  const rendered: Partial<Rendered> = {};
  for (const part of partNames) {
    const templates = parts[part];
    if (templates === undefined) continue;
    try {
      rendered[part] = renderPart(part, templates, filling);
    } catch (error) {
      return { failure: failureOf(part, error) };
    }
  }
  const { subject = '' } = rendered;
  const fault = subjectFault(subject);
  return fault === undefined ? { rendered: { ...rendered, subject } } : { failure: { part: 'subject', reason: fault } };
}

/** @throws AppError `template_failed`; it says what stands in the template, never what it was filled with. */
export function renderParts(parts: Parts, filling: Filling): Rendered {
  const outcome = tryRender(parts, filling);
  if ('failure' in outcome) throw new AppError('template_failed', `${outcome.failure.part}: ${outcome.failure.reason}.`);
  return outcome.rendered;
}
