import { buffer } from 'node:stream/consumers';

import type { OutgoingMessage } from '../../activities/mail-ports.ts';
import { composeMail } from './compose.ts';

/** The whole message, for who takes it in one piece: the same bytes each time. @throws as `composeMail`. */
export function messageBytes(message: OutgoingMessage): Promise<Buffer> {
  return buffer(composeMail(message));
}
