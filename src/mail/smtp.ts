import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';

import { createTransport } from 'nodemailer';

import type { MailSender, OutgoingMessage } from '../../activities/email.ts';
import { AppError } from '../errors.ts';
import { mailFailure, oneLine } from './failure.ts';
import { secretsOf, transportOf } from './smtp-url.ts';

export interface SmtpSenderOptions {
  /** `smtp://` or `smtps://`. Options in its query, but for `tls`, are nodemailer's own and win over ours. */
  url: string;
  maxConnections?: number;
}

/** ASCII only: nodemailer maps a Unicode domain, and what looks alike may become another domain. */
const bareAddress = /^[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*@[a-z0-9-]+(?:\.[a-z0-9-]+)*$/i;

/** nodemailer reads an address *string* as a list, where a line break or a comma makes another recipient; an object it takes as it is. */
function asAddress(address: string): { name: string; address: string } {
  if (!bareAddress.test(address)) throw new AppError('mail_rejected', 'A sender or recipient is not a bare e-mail address in ASCII');
  return { name: '', address };
}

/**
 * Everything that nodemailer would otherwise choose at random is given, so that every attempt has the same bytes. The boundary
 * depends on the content too: no text can be written that holds its own.
 */
function compose({ from, recipient, to, subject, text, html, messageId, date }: OutgoingMessage) {
  const baseBoundary = createHash('sha256')
    .update(JSON.stringify([messageId, text, html]))
    .digest('hex')
    .slice(0, 32);
  return {
    envelope: { from: asAddress(from), to: [asAddress(recipient)] },
    from: asAddress(from),
    to: to.map(asAddress),
    subject,
    ...(text !== undefined && { text }),
    ...(html !== undefined && { html }),
    messageId,
    date,
    baseBoundary,
  };
}

/**
 * Sends over a pool of connections. `send` also rejects with the signal's reason, unless the message has begun to leave:
 * then it goes on to the server's reply, because breaking off would leave nobody knowing whether the message was taken.
 *
 * @throws AppError `mail_configuration` for an unusable URL.
 */
export function createSmtpSender({ url, maxConnections = 5 }: SmtpSenderOptions): MailSender {
  const secrets = secretsOf(url);
  const transport = createTransport({
    ...transportOf(url),
    pool: true,
    maxConnections,
    maxMessages: Infinity,
    connectionTimeout: 20_000,
    greetingTimeout: 20_000,
    socketTimeout: 60_000,
    disableFileAccess: true,
    disableUrlAccess: true,
  });

  // A message has begun to leave once its stream has been read: that happens only after the server's reply to DATA.
  const bodies = new WeakMap<AbortSignal, Readable>();
  transport.use('stream', ({ message, data }, next) => {
    message.processFunc((body) => {
      if (data.signal) bodies.set(data.signal, body);
      return body;
    });
    next();
  });

  const inFlight = new Set<Promise<unknown>>();
  let closed = false;

  return {
    async send(message, { signal }) {
      signal.throwIfAborted();
      const mail = compose(message);
      const attempt = new AbortController();
      const begun = () => bodies.get(attempt.signal)?.readableDidRead ?? false;
      const giveUp = () => {
        if (!begun()) attempt.abort();
      };
      signal.addEventListener('abort', giveUp, { once: true });
      const sending = transport.sendMail({ ...mail, signal: attempt.signal });
      inFlight.add(sending);
      try {
        const { response } = await sending;
        return { response: oneLine(response, secrets) };
      } catch (error) {
        if (attempt.signal.aborted) throw signal.reason;
        const failure = mailFailure(error, { secrets, begun: begun() });
        if (failure !== undefined) throw failure;
        throw closed ? new AppError('mail_server_unreachable', 'The mail sender was closed', { retryable: true }) : error;
      } finally {
        signal.removeEventListener('abort', giveUp);
        inFlight.delete(sending);
      }
    },

    /** Messages that are being sent get their reply; those still waiting for a connection are refused. */
    async close() {
      closed = true;
      transport.close();
      await Promise.allSettled(inFlight);
    },
  };
}
