import { connect } from 'node:net';

/** Sends these bytes as they are; resolves with everything that came back when the server closed the connection. */
export function rawRequest(port: number, bytes: string | Uint8Array, { thenCut = false } = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(bytes, () => {
        if (thenCut) socket.destroy();
      });
    });
    let received = '';
    socket.setEncoding('latin1').on('data', (text: string) => (received += text));
    socket.once('error', reject);
    socket.once('close', () => {
      resolve(received);
    });
  });
}
