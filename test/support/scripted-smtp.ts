import type { Socket } from 'node:net';

import { startRawServer } from './mail-server.ts';

/** What the server says, where a decent one would go on. */
export interface Script {
  /** null: nothing at all. */
  greeting?: string | null;
  /** By the command; `.` is the end of the message. */
  replies?: Partial<Record<'AUTH' | 'MAIL' | 'RCPT' | 'DATA' | '.', string>>;
  /** To this recipient only. */
  refusedRecipient?: string;
  /** Each byte comes after such a pause. */
  byteMs?: number;
  /** Offers STARTTLS, and answers the handshake with something else. */
  brokenTls?: boolean;
  /** The connection is reset: instead of asking for the message, with a part of the message, or with all of it and no answer. */
  resets?: 'at DATA' | 'in the message' | 'after the message';
}

const ehlo = (script: Script) => ['250-test', ...(script.brokenTls ? ['250-STARTTLS'] : []), '250 AUTH PLAIN'].join('\r\n');

function answer(line: string, script: Script): string {
  const verb = line.slice(0, 4).trim().toUpperCase();
  if (verb === 'EHLO') return ehlo(script);
  if (verb === 'STAR') return '220 go on';
  if (verb === 'QUIT') return '221 bye';
  const scripted = script.replies?.[verb as 'MAIL'];
  if (verb === 'RCPT' && script.refusedRecipient !== undefined)
    return line.includes(`<${script.refusedRecipient}>`) ? (scripted ?? '550 5.1.1 no') : '250 ok';
  return scripted ?? { AUTH: '235 ok', DATA: '354 go on' }[verb] ?? '250 ok';
}

/** A mail server that does as the script says at the moment; an empty script takes every message. */
export async function startScriptedSmtp(script: Script = {}) {
  const state = { script };
  /** The recipient of each message that was received in whole, answered or not. */
  const whole: string[] = [];
  let connections = 0;
  let transactions = 0;

  function talk(socket: Socket): void {
    connections += 1;
    let [seen, recipient, inMessage, inHandshake] = ['', '', false, false];
    let said = Promise.resolve();
    const say = (text: string): void => {
      const bytes = Buffer.from(`${text}\r\n`);
      const { byteMs = 0 } = state.script;
      if (byteMs === 0) socket.write(bytes);
      else
        said = said.then(async () => {
          for (const byte of bytes) {
            if (socket.destroyed) return;
            socket.write(Buffer.of(byte));
            await new Promise((resolve) => setTimeout(resolve, byteMs));
          }
        });
    };
    const { greeting = '220 test' } = state.script;
    if (greeting === null) return;
    say(greeting);
    socket.on('data', (chunk) => {
      if (inHandshake) {
        say('this is no TLS');
        return;
      }
      seen += chunk.toString('latin1');
      if (inMessage && state.script.resets === 'in the message') socket.resetAndDestroy();
      for (let end = seen.indexOf(inMessage ? '\r\n.\r\n' : '\r\n'); end >= 0; end = seen.indexOf(inMessage ? '\r\n.\r\n' : '\r\n')) {
        const line = seen.slice(0, end);
        seen = seen.slice(end + (inMessage ? 5 : 2));
        if (inMessage) {
          inMessage = false;
          whole.push(recipient);
          if (state.script.resets === 'after the message') socket.resetAndDestroy();
          else say(state.script.replies?.['.'] ?? '250 taken');
          continue;
        }
        if (line.startsWith('MAIL')) transactions += 1;
        const reply = answer(line, state.script);
        recipient = /^RCPT TO:<(.*)>/i.exec(line)?.[1] ?? recipient;
        if (line === 'DATA' && state.script.resets === 'at DATA') socket.resetAndDestroy();
        else say(reply);
        inHandshake = line === 'STARTTLS';
        inMessage = line === 'DATA' && reply.startsWith('3');
      }
    });
  }

  const server = await startRawServer(talk);
  return {
    ...server,
    whole,
    connections: () => connections,
    /** How often MAIL FROM was said. */
    transactions: () => transactions,
    /** From the next command on. */
    play(next: Script) {
      state.script = next;
    },
  };
}
