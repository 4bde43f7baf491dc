import { SMTPServer } from 'smtp-server';
import type { AddressInfo } from 'node:net';

import { serve } from './serve.ts';

export interface Mood {
  /** Whether recipients that begin with `later` are refused for now. */
  refuse: boolean;
}

export interface MoodySinkState {
  port: number;
  /** Messages taken so far for recipients that begin with `later`. */
  taken: number;
}

let [refuse, taken] = [true, 0];
const isLater = (address: string | undefined) => address?.startsWith('later') === true;
/** Takes messages and keeps none. */
const server = new SMTPServer({
  authOptional: true,
  disabledCommands: ['STARTTLS', 'AUTH'],
  disableReverseLookup: true,
  onRcptTo({ address }, _session, done) {
    done(refuse && isLater(address) ? Object.assign(new Error('4.3.2 Come back'), { responseCode: 451 }) : null);
  },
  onData(stream, { envelope }, done) {
    stream.resume().on('end', () => {
      if (isLater(envelope.rcptTo[0]?.address)) taken += 1;
      done(null, 'taken');
    });
  },
});
const listening = new Promise<number>((resolve) => {
  const socket = server.listen(0, '127.0.0.1', () => {
    resolve((socket.address() as AddressInfo).port);
  });
});

serve(async (mood: Mood): Promise<MoodySinkState> => {
  refuse = mood.refuse;
  return { port: await listening, taken };
});
