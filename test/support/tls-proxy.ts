import { once } from 'node:events';
import { connect, type AddressInfo } from 'node:net';
import { createServer, type TlsOptions, type TLSSocket } from 'node:tls';

/** Terminates TLS before a server that has none. */
export async function startTlsProxy(target: string, options: TlsOptions) {
  const sockets = new Set<TLSSocket>();
  let refused = 0;
  const server = createServer(options, (socket) => {
    sockets.add(socket);
    const { hostname, port } = new URL(`tcp://${target}`);
    const behind = connect(Number(port), hostname);
    socket.once('close', () => {
      sockets.delete(socket);
      behind.destroy();
    });
    behind.once('close', () => socket.destroy());
    for (const each of [socket, behind]) each.on('error', () => undefined);
    socket.pipe(behind).pipe(socket);
  });
  server.on('tlsClientError', () => refused++);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    /** Serial numbers of the clients' certificates. */
    clients: () => [...sockets].map((socket) => socket.getPeerCertificate().serialNumber),
    refused: () => refused,
    setSecureContext: (context: TlsOptions) => {
      server.setSecureContext(context);
    },
    /** As a server that has learned that those certificates are no longer valid. */
    cut: () => {
      for (const socket of sockets) socket.destroy();
    },
    async close() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
