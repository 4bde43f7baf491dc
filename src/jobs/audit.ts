/** All that is audited. What a word means never changes. */
export const auditActions = [
  'job.cancel',
  'job.retry',
  'job.discard',
  'job.note',
  'job.edit',
  'job_token.create',
  'bulk_action.start',
  'bulk_action.pause',
  'bulk_action.resume',
  'bulk_action.abort',
  'file.delete',
  'api_key.create',
  'api_key.rotate',
  'api_key.revoke',
  'payload.decode',
  'limit.change',
  'tenant.erase',
  'email_template.put',
  'email_template.delete',
  'data_source.put',
  'data_source.delete',
  'data_source.check',
  'report_definition.put',
  'report_definition.delete',
  'email_batch.pause',
  'email_batch.resume',
  'suppression.add',
  'suppression.remove',
  'suppression.import',
  'upload_preset.put',
  'upload_preset.delete',
] as const;

export type AuditAction = (typeof auditActions)[number];

/** `accepted`: the caller may do it, and it was begun; whether it came about, its target tells. `refused`: the caller may not. */
export const auditOutcomes = ['accepted', 'refused'] as const;

/** Small facts of our own or of a fixed form: nothing that may be personal data, and no bodies. */
export type AuditDetails = Readonly<Record<string, AuditDetail>>;
type AuditDetail = string | number | boolean | null | readonly AuditDetail[] | { readonly [name: string]: AuditDetail };

/** Who did what, to what, why, from where. */
export interface AuditEntry {
  tenant: string;
  /** Id of the caller's key, or `oidc_` and a hash of the subject of an access token; `cli:` and the user of the operating system for commands. */
  actor: string;
  action: AuditAction;
  outcome: (typeof auditOutcomes)[number];
  /** Id of a job, file, key, …; null for what has none, or has no id of ours. */
  target: string | null;
  /** As the actor gave it. */
  reason: string | null;
  details: AuditDetails | null;
  /** IP address that the request came from; null for commands, as `requestId`. */
  address: string | null;
  requestId: string | null;
}

export interface AuditRecord extends Omit<AuditEntry, 'tenant'> {
  /** `aud_` and 26 hexadecimal digits. */
  id: string;
  /** By the clock of the database, in whole milliseconds. */
  at: Date;
}

export interface AuditFilter {
  action?: AuditAction;
  actor?: string;
  target?: string;
  /** Inclusive. */
  after?: Date;
  /** Exclusive. */
  before?: Date;
}

export interface AuditPage {
  /** Newest first. */
  items: AuditRecord[];
  /** To go on from; null: there is no more. */
  next: string | null;
}

/** What is in it stays as it is: the database refuses changes and removals. All of these throw AppError `database_unavailable`. */
export interface AuditLog {
  /** For what is done outside the database: before it is done. What is done within takes its entry into the same transaction. */
  record(entry: AuditEntry): Promise<void>;
  /** @param page `from`: the `next` of a page with the same filter. */
  list(tenant: string, filter: AuditFilter, page: { limit: number; from?: string }): Promise<AuditPage>;
}

/** In entries: what is held in memory at once. */
const exportPageSize = 500;

/** All that fits, newest first, page by page: the next one is read when the one before is taken. */
export async function* allOf(log: Pick<AuditLog, 'list'>, tenant: string, filter: AuditFilter): AsyncGenerator<AuditRecord[], void, void> {
  let page = await log.list(tenant, filter, { limit: exportPageSize });
  yield page.items;
  while (page.next !== null) {
    page = await log.list(tenant, filter, { limit: exportPageSize, from: page.next });
    yield page.items;
  }
}

/** As it is shown, in JSON and as a line of an export. */
export function auditResource({ id, at, actor, action, outcome, target, reason, details, address, requestId }: AuditRecord) {
  return { id, at: at.toISOString(), actor, action, outcome, target, reason, details, address, requestId };
}
