import type { FieldError } from '../errors.ts';
import type { AuditEntry } from './audit.ts';
import type { TemplateUse } from './email-message.ts';

/** As it is asked for: which version, and what it is filled with. */
export interface TemplateOrder {
  name: string;
  version?: number | undefined;
  variables?: Record<string, unknown> | undefined;
}

/** The version that jobs will send, and what its variables must be like. */
export interface ChosenVersion {
  version: number;
  /** @returns faults with pointers into the variables. */
  faultsOf(variables: Record<string, unknown>): FieldError[];
}

/** What a submission asks of the templates of its tenant. */
export interface TemplateVersions {
  /**
   * The version that a job will send, once and for all.
   * @param pointer of `template` in the request.
   * @throws AppError `template_not_found`; `invalid_request` with pointers to variables that its schema refuses.
   */
  chosen(tenant: string, use: TemplateOrder, pointer: string): Promise<TemplateUse>;
  /** For many recipients of one template: looks once. @throws AppError `template_not_found`. */
  choose(tenant: string, use: Pick<TemplateOrder, 'name' | 'version'>, pointer: string): Promise<ChosenVersion>;
}

/** JSON Schema 2020-12. */
export type JsonSchema = boolean | { readonly [word: string]: unknown };

/** A template as its author has it; either `mjml` or `html`. */
export interface TemplateSource {
  subject: string;
  mjml?: string | undefined;
  html?: string | undefined;
  text?: string | undefined;
  /** Of the variables. */
  schema: JsonSchema;
  sample: Record<string, unknown>;
  description?: string | undefined;
}

/** Liquid, ready to be filled: MJML is compiled, and CSS is inlined. */
export interface TemplateParts {
  subject: string;
  html: string | null;
  text: string | null;
}

/** What a list tells. */
export interface TemplateEntry {
  name: string;
  version: number;
  description: string | null;
  createdAt: Date;
}

export interface TemplateVersion extends TemplateEntry {
  source: TemplateSource;
  parts: TemplateParts;
}

export interface NewVersion {
  tenant: string;
  name: string;
  source: TemplateSource;
  parts: TemplateParts;
  /** Of the newest version, or 0 for none: anything else is not overwritten. Default: whatever there is. */
  ifVersion?: number | undefined;
}

export interface TemplatePage<T> {
  items: T[];
  /** To go on from; null: there is no more. */
  next: string | null;
}

/** Versions never change. What is removed is only hidden from new jobs. All of these throw AppError `database_unavailable`. */
export interface TemplateStore {
  /**
   * The same source as the newest version has makes none. Writes the audit entry in the same transaction.
   * @throws AppError `precondition_failed`.
   */
  put(version: NewVersion, entry: AuditEntry): Promise<{ made: boolean; version: TemplateVersion }>;
  /** @returns undefined: there is none that a new job may have. */
  find(tenant: string, name: string, version?: number): Promise<TemplateVersion | undefined>;
  /** Only what choosing needs. */
  schemaOf(tenant: string, name: string, version?: number): Promise<{ version: number; schema: JsonSchema } | undefined>;
  /** Also of versions that are hidden from new jobs. */
  partsOf(tenant: string, name: string, version: number): Promise<TemplateParts | undefined>;
  /** The newest version of each, by name. @param from a name: those after it. */
  list(tenant: string, page: { limit: number; from?: string }): Promise<TemplatePage<TemplateEntry>>;
  /** Newest first. @param from a version: those before it. */
  versions(tenant: string, name: string, page: { limit: number; from?: string }): Promise<TemplatePage<TemplateEntry>>;
  /** @returns false: there is none. */
  remove(tenant: string, name: string, entry: AuditEntry): Promise<boolean>;
}

export interface TemplatePreview {
  subject: string;
  html: string | null;
  text: string | null;
  /** Paths that the template reads, and that are not given: a message with them would fail. */
  missing: string[];
  /** Variables that are given, and that the template reads nowhere. */
  unused: string[];
  /** What would make a message fail, or a submission be refused. */
  problems: FieldError[];
}

/** Works on what tenants write: within limits of time and memory, where nothing else has to wait for it. */
export interface TemplateEngine {
  /** @throws AppError `template_invalid` with pointers into the source. */
  compile(source: TemplateSource): Promise<TemplateParts>;
  /** @throws AppError `template_invalid`. */
  preview(order: { parts: TemplateParts; schema: JsonSchema; variables: Record<string, unknown>; now: Date }): Promise<TemplatePreview>;
}
