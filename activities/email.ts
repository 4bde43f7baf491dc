import type { FileReference } from '../src/jobs/definition.ts';
import type { EmailContent, MailCategory } from '../src/jobs/email-message.ts';
import type { SentMessage } from '../src/jobs/email.ts';
import type { FileStore } from '../src/jobs/files.ts';
import { resolve } from './claim-check.ts';
import { currentJobId } from './current-job.ts';
import { classified } from './failures.ts';
import { heartbeating } from './heartbeat.ts';
import type { OutgoingMessage } from './mail-ports.ts';
import { messageIdFor } from './message-id.ts';
import { outgoingMessage, senderOf } from './outgoing.ts';

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
  /** Only of jobs of older versions: now it is in the content. */
  from?: string;
  to: string[];
  recipient: string;
  content: EmailContent | FileReference;
  category?: MailCategory;
  /** RFC 3339. */
  date: string;
}

export function emailActivities({ mail, files, defaultFrom }: EmailDependencies) {
  return {
    /**
     * Sends one message to one recipient. Every attempt sends the same bytes with the same Message-ID: when the connection
     * dies between the end of DATA and the reply nobody can know whether it was taken (RFC 5321, 6.1), and it is sent again.
     */
    deliverEmail({ from = defaultFrom, to, recipient, content: stored, category, date }: Delivery): Promise<SentMessage> {
      return classified(() =>
        heartbeating(async ({ signal }) => {
          const content = await resolve(stored, files);
          const messageId = messageIdFor(currentJobId(), recipient, domainOf(senderOf(content, from).address));
          const about = { content, defaultFrom: from, to, recipient, category, messageId, date: new Date(date) };
          const { response } = await mail.send(outgoingMessage({ ...about, open: (file) => files.read(file) }), { signal });
          return { recipient, messageId, status: 'sent', response };
        }),
      );
    },
  };
}

const domainOf = (address: string) => address.slice(address.lastIndexOf('@') + 1);
