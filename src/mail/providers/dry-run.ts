import type { MailSender, OutgoingMessage } from '../../../activities/mail-ports.ts';

export interface DryRunOptions {
  name: string;
  compose: (message: OutgoingMessage) => Promise<Buffer>;
  log: (facts: { provider: string; messageId: string; bytes: number }) => void;
}

/** Nothing leaves: the message is made as it would be sent, and its size is logged. */
export function createDryRunSender({ name, compose, log }: DryRunOptions): MailSender {
  return {
    async send(message, { signal, beforeContent }) {
      signal.throwIfAborted();
      const { length: bytes } = await compose(message);
      await beforeContent(name);
      signal.throwIfAborted();
      log({ provider: name, messageId: message.messageId, bytes });
      return { response: 'dry run', provider: name };
    },
    close: () => Promise.resolve(),
  };
}
