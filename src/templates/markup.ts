import juice from 'juice';
import mjml from 'mjml';

import type { FieldError } from '../errors.ts';
import { allUnusable, unusable } from './faults.ts';
import { type HiddenLiquid, hideLiquid } from './hidden-liquid.ts';
import { maxCompiledBytes } from './limits.ts';

const maxErrors = 20;

function lineOf(source: string, index: number): string {
  return `line ${String(source.slice(0, index).split('\n').length)}`;
}

/** Files are never read; an include that is left out without a word would make another message. */
function assertComplete(source: string): void {
  const include = /<\s*mj-include\b/i.exec(source);
  if (include) throw unusable('/mjml', `${lineOf(source, include.index)}: mj-include is not taken, a template is complete`);
}

function restored(compiled: string, hidden: HiddenLiquid, pointer: '/mjml' | '/html'): string {
  const lost = hidden.lost(compiled).map(({ line, piece }) => ({
    pointer,
    detail: `line ${String(line)}: ${piece} would be left out; Liquid can stand in texts, in values of attributes, and between elements`,
  }));
  if (lost.length > 0) throw allUnusable(lost.slice(0, maxErrors));
  const html = hidden.restore(compiled);
  if (Buffer.byteLength(html) > maxCompiledBytes) throw unusable(pointer, `becomes more than ${String(maxCompiledBytes)} bytes of HTML`);
  return html;
}

/** @throws AppError `template_invalid`, with MJML's line. No file and no address is ever opened. */
async function fromMjml(source: string): Promise<string> {
  assertComplete(source);
  const hidden = hideLiquid(source, { between: 'as comments' });
  const made = await mjml(hidden.markup, {
    validationLevel: 'soft',
    ignoreIncludes: true,
    keepComments: true,
    // MJML's own list would let Google know who opens a message.
    fonts: {},
    useMjmlConfigOptions: false,
    juiceOptions: { resolveCSSVariables: false },
  }).catch(() => {
    throw unusable('/mjml', 'is no MJML: it needs <mjml> with <mj-body> in it');
  });
  const errors = made.errors
    // What a colour or a width is filled with nobody knows yet.
    .filter(({ message }) => !(hidden.has(message) && /invalid value/.test(message)))
    .map(({ line, message }): FieldError => ({
      pointer: '/mjml',
      detail: `line ${String(line)}: ${hidden.restore(message).slice(0, 300)}`,
    }));
  if (errors.length > 0) throw allUnusable(errors.slice(0, maxErrors));
  return restored(made.html, hidden, '/mjml');
}

/** Rules of `<style>` become attributes, but for media queries and the like. Without rules it stays as it is, byte by byte. */
function fromHtml(source: string): string {
  if (!/<style[\s>]/i.test(source)) return source;
  const hidden = hideLiquid(source, { between: 'as text' });
  return restored(juice(hidden.markup, { resolveCSSVariables: false }), hidden, '/html');
}

/** The HTML part, with Liquid in it. */
export function compileMarkup(source: { mjml?: string | undefined; html?: string | undefined }): Promise<string | undefined> {
  if (source.mjml !== undefined) return fromMjml(source.mjml);
  return Promise.resolve(source.html === undefined ? undefined : fromHtml(source.html));
}
