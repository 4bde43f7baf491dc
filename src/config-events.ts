import { z } from 'zod';

/** Of the services that tell of bounces and complaints; `undefined`: nothing is taken from it. */
export interface MailEventSettings {
  /** Of the webhook, as Resend shows it. */
  readonly resendSecret: string | undefined;
  /** `user:password` of HTTP basic authentication. */
  readonly postmarkAuth: string | undefined;
  readonly sesTopicArn: string | undefined;
}

/** People click on it, and mail services ask it (RFC 8058, 3: HTTPS). */
const publicUrl = z
  .string()
  .refine((value) => {
    const { protocol, hostname, username, password, search, hash } = URL.canParse(value) ? new URL(value) : new URL('none:');
    const secure = protocol === 'https:' || (protocol === 'http:' && ['127.0.0.1', '[::1]', 'localhost'].includes(hostname));
    return secure && value.length <= 200 && [username, password, search, hash].every((part) => part === '');
  }, 'must be a URL with https:, or with http: on this machine, without user, query and fragment, of at most 200 characters')
  .transform((value) => new URL(value).href.replace(/\/+$/, ''));

export const mailEventVariables = {
  HANDOFF_PUBLIC_URL: publicUrl.optional(),
  HANDOFF_RESEND_WEBHOOK_SECRET: z
    .string()
    .regex(/^whsec_[A-Za-z0-9+/]{32,}={0,2}$/, 'must be the signing secret of the webhook: whsec_…')
    .optional(),
  HANDOFF_POSTMARK_WEBHOOK_AUTH: z
    .string()
    .regex(/^[^:\s]{1,100}:\S{16,200}$/, 'must be user:password, the password of at least 16 characters')
    .optional(),
  HANDOFF_SES_TOPIC_ARN: z
    .string()
    .regex(/^arn:aws(-cn|-us-gov)?:sns:[a-z0-9-]+:\d{12}:[\w.-]{1,256}$/, 'must be the ARN of an SNS topic: arn:aws:sns:…')
    .optional(),
};

export function mailEventsOf(values: z.infer<z.ZodObject<typeof mailEventVariables>>): MailEventSettings {
  return {
    resendSecret: values.HANDOFF_RESEND_WEBHOOK_SECRET,
    postmarkAuth: values.HANDOFF_POSTMARK_WEBHOOK_AUTH,
    sesTopicArn: values.HANDOFF_SES_TOPIC_ARN,
  };
}
