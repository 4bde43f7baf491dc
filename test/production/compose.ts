import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

const fromRoot = (path: string) => new URL(`../../${path}`, import.meta.url);

export interface Service {
  image?: string;
  command?: string[];
  entrypoint?: string[];
  environment?: Record<string, string | number>;
  ports?: string[];
  restart?: string;
  stop_grace_period?: string;
  healthcheck?: { test: string[] };
  depends_on?: Record<string, { condition: string }>;
}

export interface ComposeFile {
  services: Record<string, Service>;
}

/** docker-compose.yml, or one that goes on top of it, with its anchors resolved, as compose sees it before it fills in variables. */
export function readCompose(path = 'docker-compose.yml'): ComposeFile {
  return parse(readFileSync(fromRoot(path), 'utf8'), { merge: true }) as ComposeFile;
}

/** What the image runs before the service's own command. */
export function imageEntrypoint(): string[] {
  const line = /^ENTRYPOINT (\[.*\])$/m.exec(readFileSync(fromRoot('Dockerfile'), 'utf8'))?.[1];
  if (line === undefined) throw new Error('The Dockerfile has no ENTRYPOINT in its JSON form.');
  return JSON.parse(line) as string[];
}

/** `${NAME}` and `${NAME:-default}`, the two forms that our file uses. @throws Error at any other `$`, which would be a mistake. */
export function filledIn(value: string | number, env: Readonly<Record<string, string | undefined>> = {}): string {
  const known = /\$\{([A-Z][A-Z0-9_]*)(?::-([^${}]*))?\}/g;
  const text = String(value);
  if (text.replace(known, '').includes('$')) throw new Error(`Not understood: ${text}`);
  return text.replace(known, (_match, name: string, fallback: string | undefined) => env[name] ?? fallback ?? '');
}
