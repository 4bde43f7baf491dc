import type { FileReference } from '../src/jobs/definition.ts';
import type { EmailContent } from '../src/jobs/email-message.ts';
import type { SentMessage } from '../src/jobs/email.ts';
import type { FileStore } from '../src/jobs/files.ts';
import { resolve } from './claim-check.ts';
import { currentJobId } from './current-job.ts';
import { classified } from './failures.ts';
import { heartbeating } from './heartbeat.ts';
import { messageIdFor } from './message-id.ts';

/** One message to one recipient. */
export interface OutgoingMessage {
  from: string;
  /** The only address in the envelope. */
  recipient: string;
  /** All of them, for the To header. */
  to: string[];
  subject: string;
  text?: string;
  html?: string;
  /** With angle brackets. */
  messageId: string;
  date: Date;
}

export interface MailSender {
  /**
   * @returns the server's reply to the end of DATA.
   * @throws AppError `mail_rejected`, `mail_refused_for_now`, `mail_server_unreachable` or `mail_configuration`.
   */
  send(message: OutgoingMessage, options: { signal: AbortSignal }): Promise<{ response: string }>;
  close(): Promise<void>;
}

export interface EmailDependencies {
  mail: MailSender;
  files: Pick<FileStore, 'read'>;
  /** HANDOFF_MAIL_FROM. */
  defaultFrom: string;
}

export interface Delivery {
  from?: string;
  to: string[];
  recipient: string;
  content: EmailContent | FileReference;
  /** RFC 3339. */
  date: string;
}

export function emailActivities({ mail, files, defaultFrom }: EmailDependencies) {
  return {
    /**
     * Sends one message to one recipient. Every attempt sends the same bytes with the same Message-ID: when the connection
     * dies between the end of DATA and the reply nobody can know whether it was taken (RFC 5321, 6.1), and it is sent again.
     */
    deliverEmail({ from = defaultFrom, to, recipient, content, date }: Delivery): Promise<SentMessage> {
      return classified(() =>
        heartbeating(async ({ signal }) => {
          const { subject = '', text, html } = await resolve(content, files);
          const domain = from.slice(from.lastIndexOf('@') + 1);
          const messageId = messageIdFor(currentJobId(), recipient, domain);
          const body = { subject, ...(text !== undefined && { text }), ...(html !== undefined && { html }) };
          const { response } = await mail.send({ from, recipient, to, ...body, messageId, date: new Date(date) }, { signal });
          return { recipient, messageId, status: 'sent', response };
        }),
      );
    },
  };
}
