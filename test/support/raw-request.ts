import { once } from 'node:events';
import { connect } from 'node:net';

export interface RawRequestOptions {
  /** Awaited between the pieces. */
  between?: () => Promise<void>;
  /** The client goes away after the last piece. */
  thenCut?: boolean;
}

/** Sends these bytes as they are; resolves with everything that came back when the connection was closed. */
export async function rawRequest(
  port: number,
  pieces: (string | Uint8Array)[],
  { between = () => Promise.resolve(), thenCut = false }: RawRequestOptions = {},
): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  const closed = once(socket, 'close');
  let received = '';
  socket.setEncoding('latin1').on('data', (text: string) => (received += text));
  await once(socket, 'connect');
  for (const [index, piece] of pieces.entries()) {
    if (index > 0) await between();
    await new Promise((resolve) => socket.write(piece, resolve));
  }
  if (thenCut) socket.destroy();
  await closed;
  return received;
}
