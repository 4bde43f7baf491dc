import type { DuplicatePolicy, EmailContent, MailCategory } from '../src/jobs/email-message.ts';
import type { SentMessage } from '../src/jobs/email.ts';
import type { FileStore } from '../src/jobs/files.ts';
import { AppError, type ErrorCode } from '../src/errors.ts';
import { messageIdFor } from './message-id.ts';
import type {
  Claim,
  DeliveryLedger,
  MailSender,
  NewDelivery,
  OutgoingMessage,
  Sent,
  Settlement,
  Suppressions,
  TemplateRenderer,
  UnsubscribeLinks,
} from './mail-ports.ts';
import { outgoingMessage, senderOf } from './outgoing.ts';
import { persistently } from './persistently.ts';

/** One message to one recipient, with its content. */
export interface Delivering {
  /** Empty in tasks of older versions, which had none. */
  tenant: string;
  jobId: string;
  /** Place of the recipient in its job, from 0. */
  seq: number;
  recipient: string;
  /** Of the To header, unless the content says another. */
  to: readonly string[];
  content: EmailContent;
  /** Of the job, in tasks of older versions: a bare address. */
  from?: string | undefined;
  category: MailCategory;
  duplicatePolicy: DuplicatePolicy;
  date: Date;
}

export interface SuppressedMessage {
  recipient: string;
  messageId: string;
  status: 'suppressed';
  /** Why. */
  code: string;
}

export type DeliveryOutcome = SentMessage | SuppressedMessage;

/** Told of what a person should hear of. */
export interface DeliveryWatch {
  /** Nobody knows whether a message was taken. `repeated`: it is sent again. */
  inDoubt(outcome: 'repeated' | 'stopped'): void;
  /** Our settings are wrong: mail is held. */
  held(): void;
  sent(provider: string): void;
}

export interface DeliveryDependencies {
  mail: MailSender;
  ledger: DeliveryLedger;
  /** HANDOFF_MAIL_FROM. */
  defaultFrom: string;
  recipientHash: (tenant: string, address: string) => Promise<string>;
  files: Pick<FileStore, 'read'>;
  watch: DeliveryWatch;
  suppressions?: Suppressions | undefined;
  unsubscribe?: UnsubscribeLinks | undefined;
  templates?: TemplateRenderer | undefined;
}

export interface Deliverer {
  /** What the ledger is to be asked for. */
  toClaim(delivery: Omit<Delivering, 'date'>): Promise<NewDelivery>;
  /**
   * Delivers what is claimed, unless it has an outcome. Safe to repeat with a new claim: what was sent is not sent again.
   * @throws AppError with what failed, which is in the ledger by then; `delivery_in_doubt` as `duplicatePolicy` says; the signal's reason.
   */
  deliver(
    delivery: Delivering,
    claim: Claim,
    signal: AbortSignal,
    /** Why the recipient must get no mail. Default: asks for him alone. */
    reason?: () => Promise<string | undefined>,
  ): Promise<DeliveryOutcome>;
  /** Those of the recipients, all of one tenant and category, who must get no mail, each with the reason. */
  suppressed(deliveries: readonly Delivering[]): Promise<Map<string, string>>;
}

const inDoubt = (message: string, retryable = false) => new AppError('delivery_in_doubt', message, { retryable });
const superseded = () => new AppError('timed_out', 'Another attempt has taken over this delivery.', { retryable: true });
const doubtful = 'An earlier attempt may have handed it over: its worker or its connection was lost before the answer.';

export function createDelivering(dependencies: DeliveryDependencies): Deliverer {
  const { mail, ledger, watch } = dependencies;
  const senderFor = ({ content, from = dependencies.defaultFrom }: Pick<Delivering, 'content' | 'from'>) => senderOf(content, from);

  /** A task of an older version, which has no tenant, can have none of these. */
  const ofTenant = (tenant: string): Pick<DeliveryDependencies, 'suppressions' | 'unsubscribe'> => (tenant === '' ? {} : dependencies);

  async function messageOf(delivery: Delivering, messageId: string): Promise<OutgoingMessage> {
    const { tenant, recipient, to, content, category, date } = delivery;
    const { template } = content;
    if (template !== undefined && dependencies.templates === undefined)
      throw new AppError('template_failed', 'This worker has no templates.', { retryable: true });
    const { unsubscribe } = ofTenant(tenant);
    const unsubscribeUrl = template && (await unsubscribe?.linkFor(tenant, recipient));
    const variables = { ...template?.variables, ...(unsubscribeUrl !== undefined && { unsubscribeUrl }) };
    const rendered = template && (await dependencies.templates?.render(tenant, template, variables, date));
    const headers = (await unsubscribe?.headersFor(tenant, recipient, category)) ?? [];
    const facts = { content, rendered, to, recipient, category, headers, messageId, date };
    return outgoingMessage({ ...facts, defaultFrom: senderFor(delivery).address, open: (file) => dependencies.files.read(file) });
  }

  /** What a failure leaves in the ledger, and what the caller is told. */
  async function failed(error: unknown, delivery: Delivering, claim: Claim, signal: AbortSignal): Promise<unknown> {
    const keep = (settlement: Settlement) => persistently(() => ledger.settle(claim, settlement), signal);
    if (!(error instanceof AppError)) {
      // Broken off before the content. Anything else is a defect, and it may have been sent: then `sending` says so.
      if (signal.aborted && error === signal.reason)
        await keep({ state: 'queued', code: 'mail_server_unreachable', response: 'Broken off before the content was sent.' });
      return error;
    }
    const { code, message, retryable } = error;
    const doubted = claim.before.doubted || code === 'delivery_in_doubt';
    if (code === 'delivery_in_doubt' && delivery.duplicatePolicy === 'at_least_once') {
      watch.inDoubt('repeated');
      await keep({ state: 'queued', code, response: message });
      return inDoubt(message, true);
    }
    if (!retryable && code === 'recipient_rejected')
      await ofTenant(delivery.tenant).suppressions?.recipientRejected(delivery.tenant, delivery.recipient);
    if (doubted && (!retryable || code === 'delivery_in_doubt')) {
      watch.inDoubt('stopped');
      const words = code === 'delivery_in_doubt' ? message : `${doubtful} The next one: ${message}`;
      await keep({ state: 'in_doubt', code: 'delivery_in_doubt', response: words });
      return inDoubt(words);
    }
    if (code === 'mail_configuration') watch.held();
    await keep({ state: retryable ? 'queued' : 'failed', code, response: message });
    return error;
  }

  async function suppressed(deliveries: readonly Delivering[]): Promise<Map<string, string>> {
    const { tenant = '', category = 'transactional' } = deliveries[0] ?? {};
    const addresses = deliveries.map(({ recipient }) => recipient);
    return (await ofTenant(tenant).suppressions?.suppressed(tenant, addresses, category)) ?? new Map<string, string>();
  }

  async function send(
    delivery: Delivering,
    claim: Claim,
    signal: AbortSignal,
    reasonOf: () => Promise<string | undefined>,
  ): Promise<Sent | { suppressed: string }> {
    const message = await messageOf(delivery, claim.before.messageId);
    const reason = await reasonOf();
    if (reason !== undefined) return { suppressed: reason };
    return mail.send(message, {
      signal,
      // Who is killed meanwhile leaves a doubt where there is none: it makes no difference where a doubt means to send again.
      early: delivery.duplicatePolicy === 'at_least_once',
      beforeContent: async (provider) => {
        if (!(await ledger.begin(claim, provider))) throw superseded();
      },
    });
  }

  return {
    suppressed,

    async toClaim({ tenant, jobId, seq, recipient, ...rest }) {
      const { address } = senderFor(rest);
      const messageId = messageIdFor(jobId, recipient, address.slice(address.lastIndexOf('@') + 1));
      return { tenant, jobId, seq, messageId, recipientHash: tenant === '' ? '' : await dependencies.recipientHash(tenant, recipient) };
    },

    async deliver(delivery, claim, signal, reason = async () => (await suppressed([delivery])).get(delivery.recipient)) {
      const { recipient } = delivery;
      const { state, messageId, code, response } = claim.before;
      if (state === 'sent') return { recipient, messageId, status: 'sent', response: response ?? '' };
      if (state === 'suppressed') return { recipient, messageId, status: 'suppressed', code: code ?? 'manual' };
      if (state === 'in_doubt') throw inDoubt(response ?? doubtful);
      if (state === 'failed') throw new AppError((code ?? 'mail_rejected') as ErrorCode, response ?? '');
      if (state === 'sending') {
        if (delivery.duplicatePolicy === 'at_most_once') throw await failed(inDoubt(doubtful), delivery, claim, signal);
        watch.inDoubt('repeated');
      }
      let sent: Awaited<ReturnType<typeof send>>;
      try {
        sent = await send(delivery, claim, signal, reason);
      } catch (error) {
        throw await failed(error, delivery, claim, signal);
      }
      const settlement: Settlement =
        'suppressed' in sent
          ? { state: 'suppressed', code: sent.suppressed, response: 'The address is on the suppression list.' }
          : { state: 'sent', ...sent };
      await persistently(() => ledger.settle(claim, settlement), signal);
      if ('suppressed' in sent) return { recipient, messageId, status: 'suppressed', code: sent.suppressed };
      watch.sent(sent.provider);
      return { recipient, messageId, status: 'sent', response: sent.response };
    },
  };
}
