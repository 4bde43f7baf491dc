import type { FieldError } from '../errors.ts';
import type { TemplateUse } from './email-message.ts';
import type { NewVersion, VersionEntry, VersionStore } from './versions.ts';

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

export interface TemplateVersion extends VersionEntry {
  source: TemplateSource;
  parts: TemplateParts;
}

/** Of a tenant. */
export interface TemplateStore extends VersionStore<TemplateVersion, NewVersion<TemplateSource> & Pick<TemplateVersion, 'parts'>> {
  /** Only what choosing needs. */
  schemaOf(tenant: string, name: string, version?: number): Promise<{ version: number; schema: JsonSchema } | undefined>;
  /** Also of versions that are hidden from new jobs. */
  partsOf(tenant: string, name: string, version: number): Promise<TemplateParts | undefined>;
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
