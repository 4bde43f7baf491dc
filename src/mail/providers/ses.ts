import type { SendEmailCommandInput, SESv2Client, SESv2ClientConfig } from '@aws-sdk/client-sesv2';

import type { MailSender, OutgoingMessage } from '../../../activities/mail-ports.ts';
import { AppError, type ErrorCode } from '../../errors.ts';
import type { GuardedFetch } from '../../outbound/guarded-fetch.ts';
import { assertAnswered, isOutbound, refused, requestTimeoutMs, retryAfterOf, type Speaker, unanswered } from './http-call.ts';
import { idIn } from './resend.ts';

export interface SesOptions {
  name: string;
  /** Like `ses://KEY:SECRET@eu-west-1`. Without a key: as the SDK finds credentials. */
  url: string;
  fetch: GuardedFetch;
  /** The message as it is sent. */
  compose: (message: OutgoingMessage) => Promise<Buffer>;
}

const codes: Readonly<Partial<Record<string, ErrorCode>>> = {
  MessageRejected: 'mail_rejected',
  BadRequestException: 'mail_rejected',
  TooManyRequestsException: 'mail_refused_for_now',
  ThrottlingException: 'mail_refused_for_now',
  // Of the day.
  LimitExceededException: 'mail_refused_for_now',
  SendingPausedException: 'mail_configuration',
  AccountSuspendedException: 'mail_configuration',
  MailFromDomainNotVerifiedException: 'mail_configuration',
  NotFoundException: 'mail_configuration',
  CredentialsProviderError: 'mail_configuration',
};
/** At least this long, in seconds: SES does not say. */
const pauses: Readonly<Partial<Record<string, number>>> = {
  TooManyRequestsException: 1,
  ThrottlingException: 1,
  LimitExceededException: 300,
};

interface SesError {
  name: string;
  message: string;
  $metadata?: { httpStatusCode?: number };
  $response?: { headers?: Record<string, string> };
}

function failureOf(speaker: Speaker, error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  if (isOutbound(error)) return unanswered(speaker, error);
  const { name, message, $metadata, $response } = error as SesError;
  const status = $metadata?.httpStatusCode ?? 0;
  const known = codes[name];
  // "Email address is not verified": of the sender, or of every recipient as long as the account is in the sandbox.
  const code = name === 'MessageRejected' && /not verified/i.test(message) ? 'mail_configuration' : known;
  if (code !== undefined) {
    const pause = retryAfterOf($response?.headers?.['retry-after']) ?? pauses[name];
    return refused(speaker, { code, words: [name, message] }, pause);
  }
  if (status === 0) return error;
  try {
    assertAnswered(speaker, { status, headers: $response?.headers ?? {} }, [name]);
  } catch (known) {
    return known;
  }
  return refused(speaker, { code: status === 401 || status === 403 ? 'mail_configuration' : 'mail_rejected', words: [status, name] });
}

async function connect(url: string, fetch: GuardedFetch): Promise<SESv2Client> {
  const { hostname, username, password, searchParams } = new URL(url);
  const { SESv2Client } = await import('@aws-sdk/client-sesv2');
  const endpoint = searchParams.get('endpoint');
  return new SESv2Client({
    region: hostname,
    ...(endpoint !== null && { endpoint }),
    ...(username !== '' && { credentials: { accessKeyId: decodeURIComponent(username), secretAccessKey: decodeURIComponent(password) } }),
    // Repeating is decided by whoever knows whether the message may have been taken.
    maxAttempts: 1,
    requestHandler: handlerOf(fetch),
  });
}

/** What the SDK signs, over our own connections. */
function handlerOf(fetch: GuardedFetch): Exclude<SESv2ClientConfig['requestHandler'], undefined> {
  return {
    async handle({ protocol, hostname, port, path, method, headers, body }: HttpRequest) {
      const url = `${protocol}//${hostname}${port === undefined ? '' : `:${String(port)}`}${path}`;
      const answer = await fetch(url, { method, headers, body, timeoutMs: requestTimeoutMs, maxBytes: 64 * 1024 });
      return { response: { statusCode: answer.status, headers: answer.headers as Record<string, string>, body: answer.body } };
    },
  };
}

/** Of the SDK's, as much as SendEmail needs. */
interface HttpRequest {
  protocol: string;
  hostname: string;
  port?: number;
  path: string;
  method: 'POST';
  headers: Record<string, string>;
  body: string | Uint8Array;
}

/**
 * Amazon SES, API v2. It has no token by which it would know a repeated message, and writes a Message-ID and a Date of its own: a
 * request whose answer was lost is `delivery_in_doubt`.
 */
export function createSesSender({ name, url, fetch, compose }: SesOptions): MailSender {
  const { username, password, searchParams } = new URL(url);
  const secrets = [password, decodeURIComponent(password), username, decodeURIComponent(username)].filter((secret) => secret !== '');
  const speaker: Speaker = { label: 'SES', secrets, repeatable: false };
  const configurationSet = searchParams.get('configurationSet');
  let client: Promise<SESv2Client> | undefined;
  return {
    async send(message, { signal, beforeContent }) {
      signal.throwIfAborted();
      const input: SendEmailCommandInput = {
        // The envelope: what the headers say is only shown.
        Destination: { ToAddresses: [message.recipient] },
        Content: { Raw: { Data: await compose(message) } },
        ...(configurationSet !== null && { ConfigurationSetName: configurationSet }),
      };
      const { SendEmailCommand } = await import('@aws-sdk/client-sesv2');
      const connected = await (client ??= connect(url, fetch));
      await beforeContent(name);
      signal.throwIfAborted();
      try {
        const { MessageId } = await connected.send(new SendEmailCommand(input));
        return { response: `SES ${idIn(MessageId)}`, provider: name };
      } catch (error) {
        const failure = failureOf(speaker, error);
        if (failure instanceof AppError) throw failure;
        // The SDK's own errors hold the request.
        throw new AppError('mail_configuration', 'SES: its client does not work', { retryable: true });
      }
    },
    async close() {
      (await client)?.destroy();
    },
  };
}
