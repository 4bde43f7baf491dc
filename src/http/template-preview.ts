import { type Request, type Response, Router } from 'express';

import { AppError } from '../errors.ts';
import type { JsonSchema, TemplateEngine, TemplateParts, TemplatePreview, TemplateStore } from '../jobs/email-templates.ts';
import { templateNoun } from './email-templates.ts';
import { declaredJsonIfAny, parsedJson } from './json-body.ts';
import { route } from './routes.ts';
import { messageRequest, previewRequest } from './template-requests.ts';
import { validated } from './validation.ts';
import { nameIn, versionOf } from './versions.ts';

/** What was rendered, and what it is called. */
export interface PreviewedMessage {
  subject: string;
  html?: string;
  text?: string;
  template: string;
}

export interface PreviewDependencies {
  templates: TemplateStore;
  templateEngine: TemplateEngine;
  /** The text part of a message that has only HTML. */
  textOf: (html: string) => string;
  /** The message as it would be sent, with an address of nobody. */
  composed: (message: PreviewedMessage) => AsyncIterable<Uint8Array>;
}

/** Gmail hides the rest of what is longer. In bytes. */
const clippedBytes = 102 * 1024;
const longSubject = 100;

interface Previewed {
  name: string;
  version: number | null;
  parts: TemplateParts;
  schema: JsonSchema;
  variables: Record<string, unknown>;
}

function warningsOf({ subject, html }: TemplatePreview): string[] {
  const warnings: string[] = [];
  if (subject.trim() === '') warnings.push('The subject is empty.');
  if (subject.length > longSubject) warnings.push(`The subject has more than ${String(longSubject)} characters: most programs cut it off.`);
  if (html !== null && Buffer.byteLength(html) > clippedBytes) warnings.push('The HTML part has more than 102 KB: Gmail hides the rest.');
  if (html !== null && /<script[\s>]/i.test(html))
    warnings.push('The HTML part has a script: no mail program runs it, and many refuse it.');
  return warnings;
}

/** Of templates of the caller's own tenant. What is shown is a text in JSON, or a file to save: no browser runs it. */
export function templatePreview({ templates, templateEngine, textOf, composed }: PreviewDependencies): Router {
  async function asked(request: Request, response: Response): Promise<Previewed> {
    const { version, variables, source } = validated(previewRequest, request.body ?? {});
    if (source !== undefined) {
      const name = nameIn(request, templateNoun);
      return {
        name,
        version: null,
        parts: await templateEngine.compile(source),
        schema: source.schema,
        variables: variables ?? source.sample,
      };
    }
    const found = await versionOf({ store: templates, noun: templateNoun }, request, response, version);
    const { schema, sample } = found.source;
    return { name: found.name, version: found.version, parts: found.parts, schema, variables: variables ?? sample };
  }

  const previewOf = ({ parts, schema, variables }: Previewed) => templateEngine.preview({ parts, schema, variables, now: new Date() });

  async function sendPreview(request: Request, response: Response): Promise<void> {
    const order = await asked(request, response);
    const preview = await previewOf(order);
    const { subject, html, missing, unused, problems } = preview;
    const text = preview.text ?? (html === null ? null : textOf(html));
    const size = { html: html === null ? null : Buffer.byteLength(html), text: text === null ? null : Buffer.byteLength(text) };
    response.json({
      ...{ name: order.name, version: order.version, subject, html, text, size },
      ...{ missing, unused, problems, warnings: warningsOf(preview) },
    });
  }

  async function sendMessage(request: Request, response: Response): Promise<void> {
    validated(messageRequest, request.body ?? {});
    const order = await asked(request, response);
    const { subject, html, text, missing, problems } = await previewOf(order);
    const [first] = [...missing.map((path) => `undefined variable ${path}`), ...problems.map(({ detail }) => detail)];
    if (first !== undefined) throw new AppError('template_failed', `${first}.`);
    const template = `${order.name}-${String(order.version)}`;
    const message = { subject, template, ...(html !== null && { html }), ...(text !== null && { text }) };
    const bytes: Uint8Array[] = [];
    for await (const chunk of composed(message)) bytes.push(chunk);
    response.set({ 'Content-Type': 'message/rfc822', 'Content-Disposition': `attachment; filename="${template}.eml"` });
    response.send(Buffer.concat(bytes));
  }

  const router = Router();
  route(router, '/email-templates/:name/preview', { post: ['read', declaredJsonIfAny, parsedJson, sendPreview] });
  route(router, '/email-templates/:name/message', { post: ['read', declaredJsonIfAny, parsedJson, sendMessage] });
  return router;
}
