import { createVerify, X509Certificate } from 'node:crypto';

import { AppError } from '../../errors.ts';
import type { GuardedFetch } from '../../outbound/guarded-fetch.ts';
import { type Fields, notSigned, textsIn } from './event-fields.ts';

/** What SNS signs, in this order: https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html */
const signedFields: Readonly<Record<string, readonly string[]>> = {
  Notification: ['Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type'],
  SubscriptionConfirmation: ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'],
  UnsubscribeConfirmation: ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'],
};
const algorithms: Readonly<Record<string, string>> = { '1': 'RSA-SHA1', '2': 'RSA-SHA256' };

/** SNS repeats for an hour at most; what is older was kept by somebody. In milliseconds. */
const oldest = 2 * 60 * 60 * 1_000;
const newest = 15 * 60 * 1_000;
/** Certificates in memory: there is one for each region, and now and then another one. */
const capacity = 8;

/** Where SNS of the region of a topic is, and nothing else. */
export function snsHostOf(topicArn: string): string {
  const [, partition = '', , region = ''] = topicArn.split(':');
  return `sns.${region}.amazonaws.com${partition === 'aws-cn' ? '.cn' : ''}`;
}

/** SNS repeats what is answered with 5xx, and gives up at 4xx. */
const notNow = (cause?: unknown) =>
  new AppError('not_ready', 'The certificate of the notification cannot be read now.', { retryable: true, retryAfterSeconds: 30, cause });

export interface SnsVerifierOptions {
  topicArn: string;
  fetch: GuardedFetch;
  /** In milliseconds. */
  now: () => number;
}

/** Anybody with an account at AWS gets messages signed by SNS: only those of our topic count. */
export function createSnsVerifier({ topicArn, fetch, now }: SnsVerifierOptions): (message: Fields) => Promise<void> {
  const host = snsHostOf(topicArn);
  const known = new Map<string, X509Certificate>();

  async function certificateAt(address: unknown): Promise<X509Certificate> {
    const url = typeof address === 'string' && URL.canParse(address) ? new URL(address) : undefined;
    const isTheirs =
      url?.protocol === 'https:' && url.host === host && /^\/SimpleNotificationService-[\w.-]{1,100}\.pem$/.test(url.pathname);
    if (url === undefined || !isTheirs || url.username !== '' || url.search !== '') throw notSigned();
    const kept = known.get(url.pathname);
    if (kept !== undefined) return kept;
    const { status, body } = await fetch(url, { timeoutMs: 4_000, maxBytes: 16 * 1_024, ports: [443] }).catch((error: unknown) => {
      throw notNow(error);
    });
    if (status >= 500) throw notNow();
    if (status !== 200) throw notSigned();
    const certificate = new X509Certificate(body);
    if (known.size >= capacity) known.clear();
    known.set(url.pathname, certificate);
    return certificate;
  }

  async function isSigned(message: Fields): Promise<boolean> {
    const { Type: type, TopicArn: topic, Signature: signature, SignatureVersion: version, Timestamp: time } = message;
    const [fields, algorithm] = [signedFields[String(type)], algorithms[String(version)]];
    const age = now() - Date.parse(String(time));
    if (fields === undefined || algorithm === undefined || topic !== topicArn || !(age < oldest && age > -newest)) return false;
    const certificate = await certificateAt(message['SigningCertURL']);
    const at = new Date(now());
    if (at < new Date(certificate.validFrom) || at > new Date(certificate.validTo)) return false;
    const verify = createVerify(algorithm);
    for (const name of fields) for (const value of textsIn([message[name]])) verify.update(`${name}\n${value}\n`);
    return verify.verify(certificate.publicKey, String(signature), 'base64');
  }

  return async (message) => {
    const signed = await isSigned(message).catch((error: unknown) => {
      if (error instanceof AppError) throw error;
      return false;
    });
    if (!signed) throw notSigned();
  };
}
