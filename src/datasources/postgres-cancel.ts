import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type ConnectionOptions, connect as secure } from 'node:tls';

/** PostgreSQL, "Message Formats": SSLRequest and CancelRequest. */
const [sslRequest, cancelRequest] = [80877103, 80877102];
const patienceMs = 2_000;

function message(...numbers: number[]): Buffer {
  const bytes = Buffer.alloc(4 + 4 * numbers.length);
  for (const [index, number] of [bytes.length, ...numbers].entries()) bytes.writeInt32BE(number, 4 * index);
  return bytes;
}

export interface RunningBackend {
  address: string;
  port: number;
  tls: ConnectionOptions | undefined;
  processId: number;
  secretKey: number;
}

/** Makes the server end what the connection runs, over a connection of its own. A failure is no error: the time-outs of the server end it, too. */
export async function cancelQuery({ address, port, tls, processId, secretKey }: RunningBackend): Promise<void> {
  const signal = AbortSignal.timeout(patienceMs);
  let socket: Socket = connect({ host: address, port, signal });
  socket.on('error', () => undefined);
  try {
    await once(socket, 'connect', { signal });
    if (tls !== undefined) {
      socket.write(message(sslRequest));
      const [answer] = (await once(socket, 'data', { signal })) as [Buffer];
      if (answer.toString('latin1') !== 'S') return;
      socket = secure({ ...tls, host: address, socket });
      socket.on('error', () => undefined);
      await once(socket, 'secureConnect', { signal });
    }
    socket.end(message(cancelRequest, processId, secretKey));
    socket.resume();
    await once(socket, 'close', { signal });
  } catch {
    // As said.
  } finally {
    socket.destroy();
  }
}
