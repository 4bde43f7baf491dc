import { describe, expect, test } from '@jest/globals';

import { mailFailure, oneLine } from '../../../src/mail/failure.ts';
import { secretsOf } from '../../../src/mail/smtp-url.ts';

const context = { secrets: [], whole: false };

function failed(fields: Record<string, unknown>) {
  return mailFailure(Object.assign(new Error('as nodemailer words it'), fields), context);
}

describe('mailFailure', () => {
  test.each([
    ['greylisting', { code: 'EENVELOPE', command: 'RCPT TO', responseCode: 450, response: '450 4.2.0 later' }, 'mail_refused_for_now'],
    ['an unknown user', { code: 'EENVELOPE', command: 'RCPT TO', responseCode: 550, response: '550 5.1.1 no' }, 'recipient_rejected'],
    ['a policy block', { code: 'EMESSAGE', command: 'DATA', responseCode: 550, response: '550 5.7.1 spam' }, 'mail_rejected'],
    [
      'a temporary login failure',
      { code: 'EAUTH', command: 'AUTH PLAIN', responseCode: 454, response: '454 4.7.0 x' },
      'mail_refused_for_now',
    ],
    ['a wrong password', { code: 'EAUTH', command: 'AUTH PLAIN', responseCode: 535, response: '535 5.7.8 x' }, 'mail_configuration'],
    ['a login method not offered', { code: 'EAUTH', command: 'AUTH LOGIN', responseCode: 504, response: '504 x' }, 'mail_configuration'],
    ['missing credentials', { code: 'EAUTH', command: 'API' }, 'mail_configuration'],
    [
      'login required, said at MAIL FROM',
      { code: 'EENVELOPE', command: 'MAIL FROM', responseCode: 530, response: '530 x' },
      'mail_configuration',
    ],
    [
      'login required, said at DATA',
      { code: 'EENVELOPE', command: 'DATA', responseCode: 530, response: '530 5.7.57 x' },
      'mail_configuration',
    ],
    [
      'bad credentials by enhanced code',
      { code: 'EENVELOPE', command: 'MAIL FROM', responseCode: 550, response: '550 5.7.8 x' },
      'mail_configuration',
    ],
    [
      'a server that wants no mail from us',
      { code: 'EPROTOCOL', command: 'CONN', responseCode: 554, response: '554 x' },
      'mail_configuration',
    ],
    ['a session out of step', { code: 'EENVELOPE', command: 'RCPT TO', responseCode: 503, response: '503 x' }, 'mail_refused_for_now'],
    ['a name that does not resolve', { code: 'EDNS', command: 'CONN' }, 'mail_server_unreachable'],
    ['a bad certificate', { code: 'ESOCKET', originalCode: 'DEPTH_ZERO_SELF_SIGNED_CERT', command: 'CONN' }, 'mail_server_unreachable'],
    ['no STARTTLS', { code: 'ETLS', command: 'STARTTLS' }, 'mail_server_unreachable'],
    ['a message over the announced limit', { code: 'EMESSAGE', command: 'MAIL FROM' }, 'mail_rejected'],
  ])('tells %s', (_, fields, code) => {
    expect(failed(fields)).toMatchObject({ code, retryable: code !== 'mail_rejected' && code !== 'recipient_rejected' });
  });

  test('says when the message may have been taken', () => {
    const error = Object.assign(new Error('read ECONNRESET'), { code: 'ESOCKET', originalCode: 'ECONNRESET', command: 'CONN' });
    expect(mailFailure(error, { secrets: [], whole: true })).toMatchObject({
      code: 'delivery_in_doubt',
      message: expect.stringMatching(/may have been taken: ECONNRESET$/),
    });
    expect(mailFailure(error, { secrets: [], whole: false })).toMatchObject({
      code: 'mail_server_unreachable',
      message: expect.stringMatching(/could not be reached.*: ECONNRESET$/),
    });
  });

  test('leaves an error alone that does not come from SMTP', () => {
    expect(mailFailure(new TypeError('a bug'), context)).toBeUndefined();
    expect(mailFailure('thrown', context)).toBeUndefined();
  });
});

describe('oneLine', () => {
  test('joins a reply of several lines and drops the repeated codes', () => {
    expect(oneLine('550-5.1.1 The account does not exist.\n550-5.1.1 Check for typos.\r\n550 5.1.1 Goodbye')).toBe(
      '550 5.1.1 The account does not exist. Check for typos. Goodbye',
    );
  });

  test('drops control characters and stops at 500 characters', () => {
    expect(oneLine('550 a\u0000\u001b[31mb\u0085c\u2028d')).toBe('550 a [31mb c d');
    expect(oneLine(`550 ${'😀'.repeat(600)}`)).toBe(`550 ${'😀'.repeat(496)}`);
  });
});

describe('secretsOf', () => {
  test('knows every form in which a server can echo a password', () => {
    const secrets = secretsOf('smtps://ada:p%40ss%2Fword@mail.example:465');
    const echo = `535 ada p@ss/word p%40ss%2Fword ${btoa('p@ss/word')} ${btoa('\0ada\0p@ss/word')} smtps://ada:p%40ss%2Fword@mail.example:465`;
    expect(oneLine(echo, secrets)).toBe('535 *** *** *** *** *** ***');
  });

  test('has nothing to hide but the URL when there is no login', () => {
    expect(secretsOf('smtp://127.0.0.1:1025')).toEqual(['smtp://127.0.0.1:1025']);
  });

  test.each(['', 'mail.example', 'http://mail.example', 'smtp://', 'smtp://ada:secret@mail.example:port'])(
    'refuses %j without quoting it',
    (url) => {
      const attempt = () => secretsOf(url);
      expect(attempt).toThrow(expect.objectContaining({ code: 'mail_configuration', message: expect.not.stringContaining('secret') }));
    },
  );
});
