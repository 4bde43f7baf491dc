import { SMTPServer } from 'smtp-server';
import type { AddressInfo } from 'node:net';

import { serve } from './serve.ts';

export interface SinkState {
  port: number;
  /** Messages taken so far. */
  count: number;
}

let count = 0;
/** Takes every message and keeps none. */
const server = new SMTPServer({
  authOptional: true,
  disabledCommands: ['STARTTLS', 'AUTH'],
  disableReverseLookup: true,
  onData(stream, _session, done) {
    stream.resume().on('end', () => {
      count += 1;
      done(null, 'taken');
    });
  },
});
const listening = new Promise<number>((resolve) => {
  const http = server.listen(0, '127.0.0.1', () => {
    resolve((http.address() as AddressInfo).port);
  });
});

serve(async (): Promise<SinkState> => ({ port: await listening, count }));
