import { describe, expect, test } from '@jest/globals';

import { loadConfig } from '../../src/config.ts';
import { problemsOf } from '../support/config-problems.ts';

describe('the address where recipients reach the API', () => {
  test.each([
    ['https://mail.example.com', 'https://mail.example.com'],
    ['https://example.com/handoff/', 'https://example.com/handoff'],
    ['http://127.0.0.1:3000', 'http://127.0.0.1:3000'],
    ['http://localhost:3000/', 'http://localhost:3000'],
  ])('may be %s', (given, taken) => {
    expect(loadConfig({ HANDOFF_PUBLIC_URL: given }).publicUrl).toBe(taken);
  });

  test.each([
    'http://example.com',
    'https://user@example.com',
    'https://example.com/?a=b',
    'https://example.com/#a',
    'example.com',
    'ftp://x',
    `https://example.com/${'a'.repeat(200)}`,
  ])('is not %s', (given) => {
    expect(problemsOf({ HANDOFF_PUBLIC_URL: given })).toContain('HANDOFF_PUBLIC_URL');
  });
});

describe('what proves who tells of bounces', () => {
  test('is taken as it is', () => {
    const given = {
      HANDOFF_RESEND_WEBHOOK_SECRET: `whsec_${'A'.repeat(32)}`,
      HANDOFF_POSTMARK_WEBHOOK_AUTH: 'postmark:0123456789abcdef',
      HANDOFF_SES_TOPIC_ARN: 'arn:aws:sns:eu-west-1:123456789012:bounces',
    };
    const [resendSecret, postmarkAuth, sesTopicArn] = Object.values(given);
    expect(loadConfig(given).mailEvents).toEqual({ resendSecret, postmarkAuth, sesTopicArn });
  });

  test.each([
    ['HANDOFF_RESEND_WEBHOOK_SECRET', 'not-a-secret'],
    ['HANDOFF_RESEND_WEBHOOK_SECRET', 'whsec_tooShort'],
    ['HANDOFF_POSTMARK_WEBHOOK_AUTH', 'postmark:short'],
    ['HANDOFF_POSTMARK_WEBHOOK_AUTH', 'without-a-colon-0123456789'],
    ['HANDOFF_SES_TOPIC_ARN', 'arn:aws:sqs:eu-west-1:123456789012:bounces'],
    ['HANDOFF_SES_TOPIC_ARN', 'arn:aws:sns:evil.example/:123456789012:bounces'],
  ])('is refused when nobody could have given it (%s %s), and not repeated', (name, value) => {
    const problems = problemsOf({ [name]: value });
    expect(problems).toContain(name);
    expect(problems).not.toContain(value);
  });
});
