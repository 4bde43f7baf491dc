import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerOptions, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { SecureContextOptions } from 'node:tls';

import { AppError } from '../errors.ts';
import { faultOf, refuse } from './refusal.ts';
import { createSlowClientGuard, type SlowClientOptions } from './slow-clients.ts';

export interface HttpServerOptions {
  /** Certificate, key and, where callers must have certificates, their authority. Without it: plain HTTP. */
  tls?: SecureContextOptions | undefined;
  /** More are closed at once. Default: as many as the system allows. */
  maxConnections?: number;
  /** For all headers of a request, in milliseconds. Default 15,000. */
  headersTimeoutMs?: number;
  slowClients?: SlowClientOptions;
  /** What was refused before it became a request. `requestId` is that of the answer, if there was one. */
  onRefused?: (refused: { code: string; requestId?: string }) => void;
}

/** TLS 1.2 with forward secrecy and authenticated encryption, and 1.3 (RFC 9325). */
export const tlsDefaults = {
  minVersion: 'TLSv1.2',
  ciphers: [
    ...['TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256', 'TLS_AES_128_GCM_SHA256'],
    ...['ECDHE-ECDSA-AES256-GCM-SHA384', 'ECDHE-RSA-AES256-GCM-SHA384', 'ECDHE-ECDSA-CHACHA20-POLY1305', 'ECDHE-RSA-CHACHA20-POLY1305'],
    ...['ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-RSA-AES128-GCM-SHA256'],
  ].join(':'),
  honorCipherOrder: true,
} as const satisfies SecureContextOptions;

/**
 * An HTTP/1.1 server with every limit set: 16 KiB of headers within 15 s, an hour for a request, one to two minutes for a
 * client that stalls. What does not become a request is answered with a problem document, and the connection closed.
 */
export function createHttpServer(app: RequestListener, options: HttpServerOptions = {}): Server {
  const { tls, maxConnections, headersTimeoutMs = 15_000, slowClients = {}, onRefused = () => undefined } = options;
  const settings: ServerOptions = {
    maxHeaderSize: 16 * 1024,
    headersTimeout: headersTimeoutMs,
    // An upload over a slow line may take long, as long as it gets on.
    requestTimeout: 60 * 60 * 1000,
    connectionsCheckingInterval: Math.min(headersTimeoutMs, 5_000),
    // Longer than the usual minute of proxies, or they would meet a closed connection now and then.
    keepAliveTimeout: 65_000,
    // The app says so as a problem document.
    requireHostHeader: false,
  };
  const withCallers = tls?.ca === undefined ? {} : { requestCert: true, rejectUnauthorized: true };
  const server = tls
    ? createTlsServer({ ...settings, ...tlsDefaults, ...withCallers, handshakeTimeout: 15_000, ...tls }, app)
    : createServer(settings, app);
  if (maxConnections !== undefined) server.maxConnections = maxConnections;

  const current = new WeakMap<Socket, ServerResponse>();
  const refuseAt = (socket: Socket, error: AppError, response = current.get(socket)) => {
    const requestId = refuse(socket, error, response);
    onRefused({ code: error.code, ...(requestId !== undefined && { requestId }) });
  };
  const slow = createSlowClientGuard((request, response) => {
    refuseAt(request.socket, new AppError('request_timeout', 'The request did not arrive in time.', { retryable: true }), response);
  }, slowClients);
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    current.set(request.socket, response);
    slow.watch(request, response);
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    if (error.code === 'ECONNRESET') socket.destroy();
    else refuseAt(socket, faultOf(error));
  });
  server.on('connect', (_request, socket: Socket) => {
    refuseAt(socket, new AppError('method_not_allowed', 'CONNECT is not allowed.'));
  });
  // RFC 9110, 10.1.1: what is expected beyond 100-continue may be ignored.
  server.on('checkExpectation', (request, response) => server.emit('request', request, response));
  return server;
}
