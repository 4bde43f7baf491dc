import { randomUUID } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach } from '@jest/globals';
import { createTransport, type SendMailOptions } from 'nodemailer';

import { type Catcher, startCatcher } from '../../src/mail/catcher.ts';
import { createMailbox } from '../../src/mail/mailbox.ts';

/** A mail catcher for each test, and the mailbox that it fills. */
export function caughtMail() {
  const directory = join(tmpdir(), `handoff-caught-${randomUUID()}`);
  let catcher: Catcher;
  beforeEach(async () => {
    catcher = await startCatcher({ port: 0, directory });
  });
  afterEach(async () => {
    await catcher.close();
    await rm(directory, { recursive: true });
  });
  const names = () => readdir(directory);
  return {
    mailbox: createMailbox(directory),
    names,
    /** By SMTP. @returns the id that the mailbox knows it by. */
    async send(message: SendMailOptions): Promise<string> {
      const transport = createTransport({ host: '127.0.0.1', port: catcher.port });
      const { response } = await transport.sendMail({ from: 'Shop <shop@example.org>', to: 'ada@example.com', ...message });
      transport.close();
      return /Kept as (\S+)\.eml/.exec(response)?.[1] ?? '';
    },
  };
}
