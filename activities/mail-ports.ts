import type { Readable } from 'node:stream';

import type { Mailbox } from '../src/jobs/email-message.ts';

/** One file within a message. */
export interface OutgoingAttachment {
  name: string;
  contentType: string;
  /** In bytes. */
  size: number;
  /** Without angle brackets; there for images that the HTML part shows as `cid:…`. */
  contentId?: string;
  /** The bytes, each time anew: they are streamed, never held whole where the protocol allows. */
  open: () => Readable;
}

/** One message to one recipient, complete: the same for every attempt. */
export interface OutgoingMessage {
  from: Mailbox;
  /** The only address in the envelope. */
  recipient: string;
  /** As the header shows them. With `cc` they may name people who get a message of their own. */
  to: Mailbox[];
  cc?: Mailbox[];
  replyTo?: Mailbox[];
  subject: string;
  text?: string;
  html?: string;
  /** Names are of the allow-list; each value is one line. */
  headers?: [name: string, value: string][];
  attachments?: OutgoingAttachment[];
  /** RFC 5545, as an alternative of the text and as a file (RFC 6047). */
  calendar?: { method: string; content: string };
  tags?: Record<string, string>;
  category: 'transactional' | 'bulk';
  /** With angle brackets. The same for the same job and recipient: providers get it as idempotency key, too. */
  messageId: string;
  date: Date;
}

export interface Sent {
  /** The server's reply to the end of DATA, or the provider's id of the message; in one line, without secrets. */
  response: string;
  /** Who took it. */
  provider: string;
}

export interface SendOptions {
  signal: AbortSignal;
  /**
   * Called once all that can be refused before the content was accepted, right before the first byte of it leaves. When it
   * rejects, nothing of the message is sent and `send` rejects with that error.
   */
  beforeContent: (provider: string) => Promise<void>;
  /** It may be called sooner, while the message waits for its connection, and then at most a second before. */
  early?: boolean;
}

export interface MailSender {
  /**
   * @throws AppError `mail_rejected`, `recipient_rejected`, `mail_refused_for_now`, `mail_server_unreachable`, `mail_configuration`:
   * certainly not taken. `delivery_in_doubt`: the content had left to its end, and no reply came.
   */
  send(message: OutgoingMessage, options: SendOptions): Promise<Sent>;
  close(): Promise<void>;
}

export type DeliveryState = 'queued' | 'sending' | 'sent' | 'failed' | 'suppressed' | 'in_doubt';

/** What the ledger knows of one delivery. */
export interface DeliveryRecord {
  jobId: string;
  /** Place of the recipient in its job, from 0. */
  seq: number;
  state: DeliveryState;
  messageId: string;
  provider: string | null;
  /** A reply, or our own words; never an address. */
  response: string | null;
  /** Error code of what failed, or why it was suppressed. */
  code: string | null;
  /** An earlier attempt began to send it, and nobody knows what came of that. */
  doubted: boolean;
  /** Attempts of this call that failed with `mail_configuration`. */
  held: number;
}

/** What an attempt got: `fence` is higher than that of every attempt before. */
export interface Claim {
  before: DeliveryRecord;
  fence: number;
}

export interface NewDelivery {
  tenant: string;
  jobId: string;
  seq: number;
  messageId: string;
  /** Keyed hash of the address: bounces find the delivery by it, nobody reads the address from it. */
  recipientHash: string;
}

export type Settlement =
  | { state: 'sent'; response: string; provider: string }
  | { state: 'queued' | 'failed' | 'suppressed' | 'in_doubt'; code: string; response: string };

/** One row a delivery. Everything is durable when its promise resolves. All throw AppError `database_unavailable`. */
export interface DeliveryLedger {
  /** Makes what is not there, as `queued`, and takes each delivery from every earlier attempt. In the order that was asked for, none twice. `newCall`: the first attempt of a call, from which `held` counts anew. */
  claim(deliveries: readonly NewDelivery[], options: { newCall: boolean }): Promise<Claim[]>;
  /**
   * `sending`, right before the content leaves. Calls at the same time share a transaction.
   * @returns false: a later attempt has claimed it, or it has an outcome. Nothing must be sent then.
   */
  begin(claim: Claim, provider: string): Promise<boolean>;
  /** What became of it. `sent` is kept whoever says it; anything else only from the attempt that still has the claim. */
  settle(claim: Claim, settlement: Settlement): Promise<void>;
}

export interface Suppressions {
  /** Those of the addresses that must get no mail of this category, each with its reason. */
  suppressed(tenant: string, addresses: readonly string[], category: 'transactional' | 'bulk'): Promise<Map<string, string>>;
  /** A server said that there is no such recipient. */
  recipientRejected(tenant: string, address: string): Promise<void>;
}

export interface UnsubscribeLinks {
  /** Where the recipient can unsubscribe from bulk mail, for templates, too (`unsubscribeUrl`); `undefined` where no public URL is configured. */
  linkFor(tenant: string, address: string): Promise<string | undefined>;
  /** `List-Unsubscribe` and `List-Unsubscribe-Post` (RFC 8058) for a message of category `bulk`; empty where no public URL is configured. */
  headersFor(tenant: string, address: string, category: 'transactional' | 'bulk'): Promise<[name: string, value: string][]>;
}

export interface RenderedTemplate {
  subject: string;
  text?: string;
  html?: string;
}

export interface TemplateRenderer {
  /** @throws AppError `template_failed`, which no retry can help. `now` is all that a template can know of the time. */
  render(
    tenant: string,
    template: { name: string; version: number },
    variables: Record<string, unknown>,
    now: Date,
  ): Promise<RenderedTemplate>;
}
