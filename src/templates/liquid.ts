import {
  type Context,
  defaultOperators,
  type Emitter,
  type FilterImplOptions,
  Liquid,
  type LiquidOptions,
  type Template,
  toValue,
} from 'liquidjs';

import { assertShort, charge, countedEmitter, step, textOf } from './costs.ts';
import { maxCost, maxRenderMs, maxSourceBytes } from './limits.ts';

/** What `now` and `today` are; a symbol, so that no template can name it. */
export const nowKey = Symbol('now');

const operators = Object.fromEntries(
  Object.entries(defaultOperators).map(([name, operator]) => [
    name,
    (...operands: unknown[]): unknown => {
      step(operands.at(-1) as Context);
      if (name === 'contains') assertShort(toValue(operands[1]));
      return (operator as (...all: unknown[]) => unknown)(...operands);
    },
  ]),
) as NonNullable<LiquidOptions['operators']>;

const searching = new Set(['split', 'remove', 'remove_first', 'remove_last', 'replace', 'replace_first', 'replace_last']);
const dates = new Set(['date', 'date_to_xmlschema', 'date_to_rfc822', 'date_to_string', 'date_to_long_string']);

/** The same filter, but counted; and of the time it knows only what it is told. */
function counted(name: string, filter: FilterImplOptions): FilterImplOptions {
  const { handler, raw } = typeof filter === 'function' ? { handler: filter, raw: false } : filter;
  return {
    raw,
    *handler(value: unknown, ...args: unknown[]): Generator<unknown, unknown, unknown> {
      const { context } = this;
      step(context);
      if (searching.has(name)) assertShort(args[0]);
      const isNow = dates.has(name) && (value === 'now' || value === 'today');
      const made = yield handler.call(this, isNow ? (context.globals as Record<symbol, unknown>)[nowKey] : value, ...args);
      charge(context, made);
      return made;
    },
  };
}

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&#34;', "'": '&#39;' };

/** For text and for values of quoted attributes. */
function escaped(this: { context: Context }, value: unknown): string {
  const text = textOf(value);
  this.context.memoryLimit.use(text.length);
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? '');
}

/** The first four read other files: ours are complete. `cycle` writes lists of lists down uncounted; `sample` gives something else each time. */
const withoutTags = ['include', 'render', 'layout', 'block', 'cycle'];
const withoutFilters = ['sample'];

/**
 * Liquid for what tenants write: nothing but the variables can be read, no file and no clock, each undefined variable or filter
 * is an error, and all work is counted. With the same variables and the same `now` the text is the same, always.
 */
function createLiquid(outputEscape?: NonNullable<LiquidOptions['outputEscape']>): Liquid {
  const liquid = new Liquid({
    strictVariables: true,
    strictFilters: true,
    lenientIf: true,
    ownPropertyOnly: true,
    // No file system.
    templates: {},
    relativeReference: false,
    timezoneOffset: 0,
    locale: 'en-US',
    operators,
    parseLimit: 2 * maxSourceBytes,
    renderLimit: maxRenderMs,
    memoryLimit: maxCost,
    ...(outputEscape !== undefined && { outputEscape }),
  });
  for (const [name, filter] of Object.entries(liquid.filters)) liquid.registerFilter(name, counted(name, filter));
  for (const name of withoutFilters) Reflect.deleteProperty(liquid.filters, name);
  for (const name of withoutTags) Reflect.deleteProperty(liquid.tags, name);
  const { renderer } = liquid;
  const renderAll = renderer.renderTemplates.bind(renderer);
  renderer.renderTemplates = (templates: Template[], context: Context, emitter: Emitter = countedEmitter(context)) => {
    step(context, templates.length + 1);
    return renderAll(templates, context, emitter);
  };
  return liquid;
}

const escaping = createLiquid(escaped);
const plain = createLiquid();

export const partNames = ['subject', 'html', 'text'] as const;
export type PartName = (typeof partNames)[number];

/** Only the HTML part is escaped: the others are no markup. */
export const liquidOf = (part: PartName): Liquid => (part === 'html' ? escaping : plain);
