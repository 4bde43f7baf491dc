import type { FileReference } from '../src/jobs/definition.ts';
import type { EmailContent, MailCategory } from '../src/jobs/email-message.ts';
import type { SentMessage } from '../src/jobs/email.ts';
import type { FileStore } from '../src/jobs/files.ts';
import { resolve } from './claim-check.ts';
import { currentJobId } from './current-job.ts';
import { classified } from './failures.ts';
import { heartbeating } from './heartbeat.ts';
import type { Elsewhere, MailLane, Route } from './mail-lane.ts';
import type { MailSender } from './mail-ports.ts';
import { messageIdFor } from './message-id.ts';
import { onLane } from './on-lane.ts';
import { outgoingMessage, senderOf } from './outgoing.ts';

export type { MailSender } from './mail-ports.ts';

export interface EmailDependencies {
  mail: MailSender;
  /** Default: there is only one provider. */
  lane?: MailLane;
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
  /** Not there when an older version scheduled it: then it stays on its lane. */
  route?: Route;
}

export function emailActivities({ mail, lane, files, defaultFrom }: EmailDependencies) {
  return {
    /**
     * Sends one message to one recipient. Every attempt sends the same bytes with the same Message-ID: when the connection
     * dies between the end of DATA and the reply nobody can know whether it was taken (RFC 5321, 6.1), and it is sent again.
     */
    deliverEmail({
      from = defaultFrom,
      to,
      recipient,
      content: stored,
      category,
      date,
      route,
    }: Delivery): Promise<SentMessage | Elsewhere> {
      return classified(() =>
        onLane(lane, route, () =>
          heartbeating(async ({ signal }) => {
            const content = await resolve(stored, files);
            const messageId = messageIdFor(currentJobId(), recipient, domainOf(senderOf(content, from).address));
            const about = { content, defaultFrom: from, to, recipient, category, messageId, date: new Date(date) };
            const { response } = await mail.send(outgoingMessage({ ...about, open: (file) => files.read(file) }), {
              signal,
              beforeContent: () => Promise.resolve(),
            });
            return { recipient, messageId, status: 'sent', response };
          }),
        ),
      );
    },
  };
}

const domainOf = (address: string) => address.slice(address.lastIndexOf('@') + 1);
