import type { MailSender, OutgoingMessage } from '../../../activities/mail-ports.ts';
import type { GuardedFetch } from '../../outbound/guarded-fetch.ts';
import type { DkimKey } from '../dkim.ts';
import { createSmtpSender } from '../smtp.ts';
import { createDryRunSender, type DryRunOptions } from './dry-run.ts';
import { createPostmarkSender } from './postmark.ts';
import { createResendSender } from './resend.ts';
import { createSesSender } from './ses.ts';

export interface ProviderOptions {
  name: string;
  kind: 'smtp' | 'ses' | 'resend' | 'postmark' | 'log';
  /** As the configuration has checked it. */
  url: string;
  /** Of an SMTP provider. */
  connections: number;
  /** For SMTP only: the others sign themselves, after changes of their own. */
  dkim?: DkimKey | undefined;
  fetch: GuardedFetch;
  /** The whole message in bytes, the same ones each time. */
  compose: (message: OutgoingMessage) => Promise<Buffer>;
  log: DryRunOptions['log'];
}

/** @throws AppError `mail_configuration` for an unusable URL. */
export function createMailProvider({ kind, connections, ...options }: ProviderOptions): MailSender {
  switch (kind) {
    case 'smtp':
      return createSmtpSender({ ...options, maxConnections: connections });
    case 'ses':
      return createSesSender(options);
    case 'resend':
      return createResendSender(options);
    case 'postmark':
      return createPostmarkSender(options);
    case 'log':
      return createDryRunSender(options);
  }
}
