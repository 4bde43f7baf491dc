import type { FileReference } from '../src/jobs/definition.ts';
import { AppError } from '../src/errors.ts';
import type { DuplicatePolicy, EmailContent, MailCategory } from '../src/jobs/email-message.ts';
import type { FileStore } from '../src/jobs/files.ts';
import { resolve } from './claim-check.ts';
import { currentAttempt, currentJobId } from './current-job.ts';
import type { Deliverer, DeliveryOutcome } from './delivery.ts';
import { classified } from './failures.ts';
import { heartbeating } from './heartbeat.ts';
import type { Elsewhere, MailLane, Route } from './mail-lane.ts';
import type { DeliveryLedger } from './mail-ports.ts';
import { onLane } from './on-lane.ts';

export interface EmailDependencies {
  deliverer: Deliverer;
  ledger: Pick<DeliveryLedger, 'claim'>;
  /** Default: there is only one provider. */
  lane?: MailLane;
  files: Pick<FileStore, 'read'>;
}

export interface Delivery {
  /** Missing in tasks of older versions. */
  tenant?: string;
  /** A bare address; only in tasks of older versions. */
  from?: string;
  /** All of the job's recipients. */
  to: string[];
  recipient: string;
  content: EmailContent | FileReference;
  duplicatePolicy?: DuplicatePolicy;
  category?: MailCategory;
  /** The job says itself when to try again. */
  ownPauses?: boolean;
  /** RFC 3339. */
  date: string;
  /** Not there when an older version scheduled it: then it stays on its lane. */
  route?: Route;
}

export function emailActivities({ deliverer, ledger, lane, files }: EmailDependencies) {
  return {
    /**
     * Sends one message to one recipient, once: what an earlier attempt has sent, or settled, is not sent again. Every attempt has
     * the same bytes and the same Message-ID. When the connection dies between the end of the message and the reply nobody can know
     * whether it was taken (RFC 5321, 6.1): then `duplicatePolicy` decides.
     */
    deliverEmail({ ownPauses, route, ...delivery }: Delivery): Promise<DeliveryOutcome | Elsewhere> {
      let held = 0;
      const facts = () => ({ uncounted: held, ...(ownPauses !== undefined && { ownPauses }) });
      return classified(
        () =>
          onLane(lane, route, () =>
            heartbeating(async ({ signal }) => {
              const { from, to, recipient, date, tenant = '', category = 'transactional', duplicatePolicy = 'at_least_once' } = delivery;
              const content = await resolve(delivery.content, files);
              const job = { tenant, jobId: currentJobId(), seq: to.indexOf(recipient), recipient, to, category, duplicatePolicy };
              const one = { ...job, content, from, date: new Date(date) };
              const [claim] = await ledger.claim([await deliverer.toClaim(one)], { newCall: currentAttempt() === 1 });
              if (claim === undefined) throw new Error('The ledger gave no claim');
              held = claim.before.held;
              try {
                return await deliverer.deliver(one, claim, signal);
              } catch (error) {
                if (error instanceof AppError && error.code === 'mail_configuration') held += 1;
                throw error;
              }
            }),
          ),
        facts,
      );
    },
  };
}
