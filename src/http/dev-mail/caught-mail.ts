export interface CaughtAttachment {
  /** As the message has it: anything. */
  name: string;
  contentType: string;
  /** Without angle brackets; of parts that the HTML may show. */
  contentId: string | undefined;
  content: Uint8Array;
}

export interface CaughtSummary {
  id: string;
  at: Date;
  from: string;
  subject: string;
  /** Who the message went to: the recipients of the envelope. */
  recipients: readonly string[];
}

export interface CaughtMessage extends CaughtSummary {
  /** In bytes, the lines of the envelope included. */
  size: number;
  /** Sender of the envelope; empty for the null sender. */
  returnPath: string;
  to: string;
  cc: string;
  replyTo: string;
  headers: readonly { name: string; value: string }[];
  text: string | undefined;
  html: string | undefined;
  attachments: readonly CaughtAttachment[];
  /** Why only its headers and its source can be shown. */
  unreadable: string | undefined;
}

export interface CaughtMailPage {
  items: readonly CaughtSummary[];
  /** How many there are at all. */
  total: number;
  /** How many the search has found; without a search, all. */
  found: number;
}

/** The messages that the mail catcher has kept. Each is somebody's input: none of its text may be believed. */
export interface CaughtMail {
  /** Newest first; a search looks for its words in sender, subject and recipients. */
  list(asked: { search: string; offset: number; limit: number }): Promise<CaughtMailPage>;
  get(id: string): Promise<CaughtMessage | undefined>;
  /** Its bytes, the lines of the envelope first. */
  source(id: string): Promise<Buffer | undefined>;
  /** Nothing happens when there is no such message. */
  remove(id: string): Promise<void>;
  removeAll(): Promise<void>;
}
