import type { MailSender, OutgoingMessage } from '../../activities/mail-ports.ts';
import { loadConfig } from '../../src/config.ts';
import { AppError } from '../../src/errors.ts';
import { messageBytes } from '../../src/mail/message-bytes.ts';
import { createMailProvider, type ProviderOptions } from '../../src/mail/providers/index.ts';
import { createGuardedFetch } from '../../src/outbound/guarded-fetch.ts';
import { type ApiAnswer, startMailApi } from './mail-api.ts';
import { reply, startMailServer } from './mail-server.ts';

/** In every URL: nobody must be shown it. */
export const secret = 'kept-to-ourselves';

export const messageFor = (changes: Partial<OutgoingMessage> = {}): OutgoingMessage => ({
  from: { name: 'The "Shop"', address: 'shop@example.org' },
  recipient: 'ada@example.com',
  to: [{ address: 'ada@example.com' }, { address: 'bob@example.com' }],
  subject: 'Hello',
  text: 'Hi',
  html: '<p>Hi</p>',
  category: 'transactional',
  messageId: '<0123456789abcdef@example.org>',
  date: new Date('2026-11-22T12:00:00.000Z'),
  ...changes,
});

const open: (() => Promise<void>)[] = [];

export function using<T extends { close(): Promise<void> }>(resource: T): T {
  open.push(() => resource.close());
  return resource;
}

/** What was opened last is closed first. */
export async function closeAll(): Promise<void> {
  for (const close of open.splice(0).reverse()) await close();
}

/** As an operator writes it, so that the way from there is tried, too. */
export function senderFor(provider: string, changes: Partial<ProviderOptions> = {}): MailSender {
  const [settings] = loadConfig({ HANDOFF_MAIL_PROVIDERS: `main=${provider}` }).mail.providers ?? [];
  if (settings === undefined) throw new Error('no provider');
  const fetch = createGuardedFetch({ allow: ['127.0.0.1'] });
  return using(createMailProvider({ ...settings, connections: 2, fetch, compose: messageBytes, log: () => undefined, ...changes }));
}

export async function failureOf(sending: Promise<unknown>): Promise<AppError> {
  const failure: unknown = await sending.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(failure instanceof AppError)) throw new Error('It did not fail as it should', { cause: failure });
  return failure;
}

export interface Bench {
  sender: MailSender;
  /** What the provider got: to whom, with which key of idempotency. */
  taken: () => { recipients: unknown; key: unknown }[];
  /** The next message is answered so. */
  fail: (kind: Kind) => void;
  /** Its answer to what it takes, as it is shown. */
  response: RegExp;
  /** Its URL, were it at another port. */
  at: (port: number) => string;
  /** It sees at once that there is no such recipient. */
  knowsRecipients: boolean;
  /** It knows a message again, and tells how long to wait. */
  knowsKeys: boolean;
  pauseSeconds: number | undefined;
}

export type Kind = 'permanent' | 'recipient' | 'transient' | 'configuration';
type Refusals = Record<Kind, ApiAnswer>;

/** A bench for one of those that speak HTTP. */
async function overHttp(
  usual: object,
  refusals: Refusals,
  providerAt: (endpoint: string) => string,
  recipientsOf: (body: never) => unknown,
  facts: Pick<Bench, 'response' | 'knowsRecipients' | 'knowsKeys'>,
): Promise<Bench> {
  const api = using(await startMailApi({ status: 200, body: usual }));
  return {
    sender: senderFor(providerAt(encodeURIComponent(api.url))),
    taken: () => api.requests.map(({ body, headers }) => ({ recipients: recipientsOf(body as never), key: headers['idempotency-key'] })),
    fail: (kind) => api.answers.push(refusals[kind]),
    at: (port) => providerAt(encodeURIComponent(`http://127.0.0.1:${String(port)}`)),
    pauseSeconds: 7,
    ...facts,
  };
}

const resendError = (status: number, name: string) => ({
  status,
  body: { statusCode: status, name, message: `Bearer ${secret} is no good` },
});
const postmarkError = (status: number, ErrorCode: number) => ({
  status,
  body: { ErrorCode, Message: `${secret}: ada@example.com is no good` },
});
const sesError = (status: number, name: string) => ({
  status,
  headers: { 'x-amzn-errortype': `${name}:http://internal.amazon.com/` },
  body: { message: `${secret} is no good` },
});

export const benches: Record<string, () => Promise<Bench>> = {
  async smtp() {
    let next: Error | undefined;
    const failures: Record<Kind, Error> = {
      permanent: reply(550, `5.7.1 ${secret} is no good`),
      recipient: reply(550, `5.1.1 ${secret} is no good`),
      transient: reply(451, `4.7.1 ${secret} is no good`),
      configuration: reply(535, `5.7.8 ${secret} is no good`),
    };
    const server = using(
      await startMailServer({
        disabledCommands: ['STARTTLS'],
        authOptional: true,
        onAuth: (_auth, _session, callback) => {
          callback(null, { user: 'us' });
        },
        onRcptTo: (_address, _session, callback) => {
          const failure = next;
          next = undefined;
          callback(failure);
        },
      }),
    );
    return {
      sender: senderFor(`smtp://us:${secret}@127.0.0.1:${String(server.port)}`),
      taken: () => server.received.map(({ recipients }) => ({ recipients, key: undefined })),
      fail: (kind) => (next = failures[kind]),
      response: /^250 /,
      at: (port) => `smtp://127.0.0.1:${String(port)}`,
      knowsRecipients: true,
      knowsKeys: false,
      pauseSeconds: undefined,
    };
  },
  resend: () =>
    overHttp(
      { id: '49a3999c-0ce1-4ea6-ab68-afcd6dc2e794' },
      {
        permanent: resendError(422, 'validation_error'),
        // It takes every recipient, and tells later.
        recipient: resendError(400, 'validation_error'),
        transient: { ...resendError(429, 'rate_limit_exceeded'), headers: { 'Retry-After': '7' } },
        configuration: resendError(403, 'invalid_api_key'),
      },
      (endpoint) => `resend://${secret}@?endpoint=${endpoint}`,
      ({ to, cc, bcc }: Record<string, string[]>) => [...(to ?? []), ...(cc ?? []), ...(bcc ?? [])],
      { response: /^Resend 49a3999c-0ce1-4ea6-ab68-afcd6dc2e794$/, knowsRecipients: false, knowsKeys: true },
    ),
  postmark: () =>
    overHttp(
      { ErrorCode: 0, Message: 'OK', MessageID: 'b7bc2f4a-e38e-4336-af7d-e6c392c2f817' },
      {
        permanent: postmarkError(422, 300),
        recipient: postmarkError(422, 406),
        transient: { ...postmarkError(429, 429), headers: { 'Retry-After': '7' } },
        configuration: postmarkError(401, 10),
      },
      (endpoint) => `postmark://${secret}@?endpoint=${endpoint}`,
      ({ To, Cc, Bcc }: Record<string, string>) => [To, Cc, Bcc].filter((one) => one !== undefined),
      { response: /^Postmark b7bc2f4a-e38e-4336-af7d-e6c392c2f817$/, knowsRecipients: true, knowsKeys: false },
    ),
  ses: () =>
    overHttp(
      { MessageId: '010f0179-1' },
      {
        permanent: sesError(400, 'MessageRejected'),
        // It takes every recipient, and tells later.
        recipient: sesError(400, 'BadRequestException'),
        transient: {
          ...sesError(429, 'TooManyRequestsException'),
          headers: { ...sesError(429, 'TooManyRequestsException').headers, 'Retry-After': '7' },
        },
        configuration: sesError(403, 'SignatureDoesNotMatch'),
      },
      (endpoint) => `ses://AKIAEXAMPLE:${secret}@eu-west-1?endpoint=${endpoint}`,
      ({ Destination }: { Destination: Record<string, string[]> }) => Object.values(Destination).flat(),
      { response: /^SES 010f0179-1$/, knowsRecipients: false, knowsKeys: false },
    ),
};
