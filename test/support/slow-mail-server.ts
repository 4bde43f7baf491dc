import { startMailServer } from './mail-server.ts';

const lookEveryMs = 50;

/** A mail server that a test makes wait, or refuse. */
export async function startSlowMailServer() {
  /** What it says to RCPT TO; an address that is not here is taken. */
  const refusals = new Map<string, Error>();
  /** Addresses whose RCPT TO is not answered until they are taken out. */
  const heldRecipients = new Set<string>();
  /** The same for the end of the message: it may be out then. */
  const heldMessages = new Set<string>();
  /** Each RCPT TO as it came. */
  const asked: { address: string; at: number }[] = [];
  /** Recipients whose message has been received in whole. */
  const complete: string[] = [];
  const texts: { address: string; text: string }[] = [];
  const whenFree = (held: Set<string>, address: string, answer: () => void): void => {
    if (!held.has(address)) answer();
    else
      setTimeout(() => {
        whenFree(held, address, answer);
      }, lookEveryMs);
  };
  const server = await startMailServer({
    onRcptTo({ address }, _session, callback) {
      asked.push({ address, at: Date.now() });
      whenFree(heldRecipients, address, () => {
        callback(refusals.get(address));
      });
    },
    onData(stream, { envelope }, callback) {
      const address = envelope.rcptTo[0]?.address ?? '';
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        complete.push(address);
        whenFree(heldMessages, address, () => {
          texts.push({ address, text: Buffer.concat(chunks).toString() });
          callback(null, 'taken');
        });
      });
    },
  });
  const free = (): void => {
    refusals.clear();
    heldRecipients.clear();
    heldMessages.clear();
  };
  return {
    url: `smtp://127.0.0.1:${String(server.port)}`,
    refusals,
    heldRecipients,
    heldMessages,
    complete,
    /** Times of the RCPT TOs of an address. */
    askedFor: (address: string) => asked.filter((one) => one.address === address).map(({ at }) => at),
    /** The messages that an address got. */
    mailTo: (address: string) => texts.filter((one) => one.address === address).map(({ text }) => text),
    /** Nothing is held or refused any more. */
    free,
    async close() {
      free();
      await server.close();
    },
  };
}
