import type { StoredFile } from './files.ts';

/** An address in ASCII, or with a Unicode part before the @ (RFC 6531); the domain is always in ASCII (RFC 5890). */
export interface Mailbox {
  name?: string;
  address: string;
}

/** An attachment that lies in the file store. */
export interface AttachedFile {
  name: string;
  contentType: string;
  contentId?: string;
  file: Pick<StoredFile, 'sha256' | 'size'>;
}

export interface CalendarPart {
  method: 'REQUEST' | 'CANCEL' | 'REPLY' | 'PUBLISH';
  /** RFC 5545. */
  content: string;
}

/** A version never changes: a job sends what it started with. */
export interface TemplateUse {
  name: string;
  version: number;
  variables: Record<string, unknown>;
}

/**
 * What is delivered, but for whom it is delivered to. Too large for a payload (64 KiB): then it lies in a file of type
 * `application/json`. Subject and parts come from a template, or from the fields.
 */
export interface EmailContent {
  subject?: string;
  text?: string;
  html?: string;
  template?: TemplateUse;
  /** Default: the `from` of the job, else HANDOFF_MAIL_FROM. */
  from?: Mailbox;
  /** As the headers show them. Default for `to`: the recipients, bare. */
  to?: Mailbox[];
  cc?: Mailbox[];
  replyTo?: Mailbox[];
  headers?: Record<string, string>;
  attachments?: AttachedFile[];
  calendar?: CalendarPart;
  tags?: Record<string, string>;
}

export type MailCategory = 'transactional' | 'bulk';
export type DuplicatePolicy = 'at_least_once' | 'at_most_once';
