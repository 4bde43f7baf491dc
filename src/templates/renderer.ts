import type { RenderedTemplate, TemplateRenderer } from '../../activities/mail-ports.ts';
import { AppError } from '../errors.ts';
import type { TemplateStore } from '../jobs/email-templates.ts';
import { parseParts, type Parts, renderParts } from './parts.ts';

/** Parsed versions that are kept. */
const capacity = 100;

/** For workers. A version never changes, so what is parsed once stays good; whoever was used last is kept longest. */
export function createTemplateRenderer(store: Pick<TemplateStore, 'partsOf'>): TemplateRenderer {
  const parsed = new Map<string, Parts>();

  async function partsOf(tenant: string, { name, version }: { name: string; version: number }): Promise<Parts> {
    const key = JSON.stringify([tenant, name, version]);
    const known = parsed.get(key);
    if (known !== undefined) parsed.delete(key);
    const sources = known === undefined ? await store.partsOf(tenant, name, version) : undefined;
    if (known === undefined && sources === undefined)
      throw new AppError('template_failed', `Version ${String(version)} of the template is not there any more.`);
    const parts = known ?? parseParts(sources ?? {});
    parsed.set(key, parts);
    const [oldest] = parsed.keys();
    if (parsed.size > capacity && oldest !== undefined) parsed.delete(oldest);
    return parts;
  }

  return {
    async render(tenant, template, variables, now): Promise<RenderedTemplate> {
      return renderParts(await partsOf(tenant, template), { variables, now });
    },
  };
}
