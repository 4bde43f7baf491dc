import { userInfo } from 'node:os';

import { ConfigError } from './config.ts';
import type { AuditAction, AuditEntry, AuditFilter } from './jobs/audit.ts';

/** Of `handoff audit`, as they were given. */
export interface AuditOptions {
  tenant?: string | undefined;
  action?: string | undefined;
  actor?: string | undefined;
  target?: string | undefined;
  after?: string | undefined;
  before?: string | undefined;
}

/** What a terminal might obey, or be fooled by, escaped: it stays the same JSON. */
export function printableJson(value: object): string {
  return JSON.stringify(value).replaceAll(
    /[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** A container may run under a number that has no name. */
function osUser(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? 'unknown');
  }
}

/** For what is done by a command on a machine that reaches the database. */
export function commandEntry(action: AuditAction): Omit<AuditEntry, 'tenant'> {
  const nothing = { target: null, reason: null, details: null, address: null, requestId: null };
  return { actor: `cli:${osUser()}`, action, outcome: 'accepted', ...nothing };
}

function timeOf(name: string, text: string): Date {
  const time = new Date(text);
  if (!/^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/.test(text) || Number.isNaN(time.getTime()))
    throw new ConfigError(`--${name}: must be like 2026-11-22 (UTC) or 2026-11-22T13:25:00Z`);
  return time;
}

/** @throws ConfigError. */
export function auditFilterOf({ action, actor, target, after, before }: AuditOptions, known: readonly AuditAction[]): AuditFilter {
  const asked = known.find((each) => each === action);
  if (action !== undefined && asked === undefined) throw new ConfigError(`--action: is none of ${known.join(', ')}`);
  return {
    ...(asked !== undefined && { action: asked }),
    ...(actor !== undefined && { actor }),
    ...(target !== undefined && { target }),
    ...(after !== undefined && { after: timeOf('after', after) }),
    ...(before !== undefined && { before: timeOf('before', before) }),
  };
}
