import { readFileSync } from 'node:fs';

/** A command of the README's first requests, or an answer that it shows. */
export type ReadmeBlock = { kind: 'sh'; text: string } | { kind: 'json'; answer: Record<string, unknown> };

/** In the order in which a reader meets them. */
export function readmeBlocks(): ReadmeBlock[] {
  const [, section = ''] = /^## First requests\n(.*?)^## /ms.exec(readFileSync('README.md', 'utf8')) ?? [];
  return [...section.matchAll(/^```(sh|json)\n(.*?)^```$/gms)].map(([, kind, text = '']) =>
    kind === 'sh' ? { kind, text } : { kind: 'json', answer: JSON.parse(text) as Record<string, unknown> },
  );
}

const anyId = /\b(?:email|report|upload|file)_[a-z2-7]{26}\b/g;

/** What differs from run to run, made equal: ids, times, ports, signatures, and sizes, which depend on the processor. */
export function comparable(answer: unknown): unknown {
  const text = JSON.stringify(answer, (key, value: unknown) => (key === 'size' ? 'a size' : value))
    .replaceAll(anyId, (id) => id.slice(0, id.indexOf('_')))
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'a time')
    .replaceAll(/\?expires=\d{10}&signature=[\w-]{43}/g, '?signed')
    .replaceAll(/127\.0\.0\.1:\d+/g, 'here')
    .replaceAll(/<[0-9a-f]{32}@/g, '<an id@')
    .replaceAll(/\d{8}T\d{9}Z-[0-9a-f]{12}/g, 'a name');
  return JSON.parse(text) as unknown;
}

/** Ids of a shown answer, each with the id at the same place of the real one. */
export function pairedIds(shown: unknown, real: unknown): [shown: string, real: string][] {
  if (typeof shown === 'string' && typeof real === 'string') {
    const ids = real.match(anyId) ?? [];
    return (shown.match(anyId) ?? []).map((id, index) => [id, ids[index] ?? id]);
  }
  if (typeof shown !== 'object' || shown === null || typeof real !== 'object' || real === null) return [];
  return Object.entries(shown).flatMap(([key, value]) => pairedIds(value, (real as Record<string, unknown>)[key]));
}
