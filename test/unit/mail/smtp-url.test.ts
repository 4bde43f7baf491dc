import { describe, expect, test } from '@jest/globals';

import { transportOf } from '../../../src/mail/smtp-url.ts';

describe('the way to the mail server', () => {
  test.each([
    ['smtp://mail.example:587', true],
    ['smtp://10.0.0.5', true],
    ['smtp://localhost.example', true],
    ['smtp://127.0.0.1.example', true],
    ['smtp://localhost:25', false],
    ['smtp://LOCALHOST:25', false],
    ['smtp://127.0.0.1:25', false],
    ['smtp://[::1]:25', false],
    ['smtps://mail.example:465', false],
    ['smtp://mail.example?ignoreTLS=true', true],
  ])('%s needs STARTTLS: %s', (url, requireTLS) => {
    expect(transportOf(url)).toEqual({ url, requireTLS });
  });

  test.each([
    ['smtp://u:p%40@mail.example:25?tls=off', 'smtp://u:p%40@mail.example:25', false],
    ['smtp://mail.example?tls=off&name=x', 'smtp://mail.example?name=x', false],
    ['smtp://mail.example?name=x&tls=off', 'smtp://mail.example?name=x', false],
    ['smtp://127.0.0.1?tls=required', 'smtp://127.0.0.1', true],
    ['smtp://127.0.0.1?tls=required&tls.servername=x', 'smtp://127.0.0.1?tls.servername=x', true],
    ['smtps://mail.example?tls=required', 'smtps://mail.example', false],
  ])('%s says so itself', (url, plain, requireTLS) => {
    expect(transportOf(url)).toEqual({ url: plain, requireTLS });
  });

  test.each(['smtp://u:hunter2@mail.example?tls=no', 'smtps://u:hunter2@mail.example?tls=off'])(
    '%s is refused, without quoting it',
    (url) => {
      let message = '';
      try {
        transportOf(url);
      } catch (error) {
        message = (error as Error).message;
      }
      expect(message).toMatch(/^SMTP_URL: tls must/);
      expect(message).not.toContain('hunter2');
    },
  );
});
