import { randomBytes } from 'node:crypto';
import { open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';

export class TooLarge extends Error {}

export interface IncomingMessage {
  /** Empty for the null sender. */
  from: string;
  recipients: string[];
  stream: Readable & { readonly sizeExceeded: boolean };
}

/** What a mail server adds on final delivery (RFC 5321, 4.4): the envelope, which the message itself need not tell. */
function deliveryLines({ from, recipients }: IncomingMessage): string {
  return [`Return-Path: <${from}>`, ...recipients.map((recipient) => `Delivered-To: ${recipient}`), ''].join('\r\n');
}

async function writeDurably(path: string, message: IncomingMessage): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(deliveryLines(message));
    // Left intact when we stop early: smtp-server then reads the rest, and refuses where SMTP has a place for it, after the last line.
    for await (const chunk of message.stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      if (message.stream.sizeExceeded) break;
      await file.writeFile(chunk);
    }
    if (message.stream.sizeExceeded) throw new TooLarge();
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Without this a rename may be lost with the power. */
async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** @returns the file's name, once it and its bytes are durable. */
export async function keepMessage(directory: string, message: IncomingMessage): Promise<string> {
  const time = new Date().toISOString().replace(/[-:.]/g, '');
  const name = `${time}-${randomBytes(6).toString('hex')}.eml`;
  const unfinished = join(directory, `.${name}.tmp`);
  try {
    await writeDurably(unfinished, message);
    await rename(unfinished, join(directory, name));
    await syncDirectory(directory);
    return name;
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  }
}

/** Removes what a crash left of messages that were never acknowledged. */
export async function sweepUnfinished(directory: string): Promise<void> {
  const names = await readdir(directory);
  for (const name of names) if (/^\..+\.eml\.tmp$/.test(name)) await rm(join(directory, name), { force: true });
}
