import { promises as dns } from 'node:dns';
import { type IncomingHttpHeaders, type IncomingMessage, request as overHttp } from 'node:http';
import { request as overHttps } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';

import { allowList, isPublic } from './addresses.ts';
import { OutboundError } from './outbound-error.ts';

export interface OutboundRequest {
  /** For everything, redirects and the body included, in milliseconds. */
  timeoutMs: number;
  /** Of the answer's body. */
  maxBytes: number;
  /** Default GET. */
  method?: 'GET' | 'HEAD' | 'POST';
  headers?: Readonly<Record<string, string>>;
  body?: string | Uint8Array;
  /** Followed for GET and HEAD, each vetted like the first address. Default 0: a redirect is the answer. */
  maxRedirects?: number;
  /** Default: all. */
  ports?: readonly number[];
  signal?: AbortSignal;
}

export interface OutboundAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  /** Where the answer came from, after redirects. */
  url: URL;
  body: Buffer;
}

/** For what is too large for memory. */
export interface OutboundStream extends Omit<OutboundAnswer, 'body'> {
  /** To be read once, or `destroy`: else the connection stays until the time is over. @throws as the fetch itself */
  body: AsyncIterable<Buffer>;
  destroy(): void;
}

export type GuardedStream = (url: string | URL, request: OutboundRequest) => Promise<OutboundStream>;

/** @throws OutboundError; what the signal was aborted with. */
export type GuardedFetch = (url: string | URL, request: OutboundRequest) => Promise<OutboundAnswer>;

interface Place {
  address: string;
  family: number;
}

export interface Guard {
  /** Addresses, networks and names of hosts that are not public and may be reached nevertheless. */
  allow?: readonly string[];
  /** Like `https://login.example.com`: wherever these lead, because an operator has named them. */
  origins?: readonly string[];
  /** All addresses of a name. Default: as the operating system says. */
  resolve?: (host: string) => Promise<readonly Place[]>;
}

const redirects = new Set([301, 302, 303, 307, 308]);
const standardPorts: Record<string, number> = { 'http:': 80, 'https:': 443 };

/** With the body in memory. */
export function createGuardedFetch(guard: Guard = {}): GuardedFetch {
  const stream = createGuardedStream(guard);
  return async (url, request) => {
    const { body, status, headers, url: from } = await stream(url, request);
    const chunks: Buffer[] = [];
    for await (const chunk of body) chunks.push(chunk);
    return { status, headers, url: from, body: Buffer.concat(chunks) };
  };
}

/**
 * For every address that somebody else can choose. An address is vetted when the connection to it is made, by the very
 * answer that the connection then uses: a name that leads elsewhere a moment later (DNS rebinding) gains nothing.
 */
export function createGuardedStream(guard: Guard = {}): GuardedStream {
  const { allow = [], origins = [], resolve = (host: string) => dns.lookup(host, { all: true }) } = guard;
  const allowed = allowList(allow);
  const trusted = new Set(origins);

  const permits = (url: URL, address: string) =>
    trusted.has(url.origin) || allowed.hasHost(hostOf(url)) || allowed.hasAddress(address) || isPublic(address);

  /** One bad address among several is enough: which of them is tried is nobody's decision. */
  async function placesOf(url: URL): Promise<readonly Place[]> {
    const places = await resolve(hostOf(url));
    if (places.length === 0) throw new OutboundError('unreachable');
    if (!places.every(({ address }) => permits(url, address))) throw new OutboundError('refused');
    return places;
  }

  function assertMayAsk(url: URL, ports: readonly number[] | undefined): void {
    const port = url.port === '' ? standardPorts[url.protocol] : Number(url.port);
    const fits = port !== undefined && url.username === '' && url.password === '' && (ports?.includes(port) ?? true);
    // For an address there is no lookup that could refuse it.
    const host = hostOf(url);
    if (!fits || (isIP(host) !== 0 && !permits(url, host))) throw new OutboundError('refused');
  }

  function ask(
    url: URL,
    { method = 'GET', headers, body, ports }: OutboundRequest,
    signal: AbortSignal,
    onConnected: () => void,
  ): Promise<IncomingMessage> {
    assertMayAsk(url, ports);
    const lookup: LookupFunction = (_host, { all }, found) => {
      placesOf(url).then(
        (places) => {
          const { address = '', family } = places[0] ?? {};
          if (all === true) found(null, [...places]);
          else found(null, address, family);
        },
        (error: unknown) => {
          found(error as Error, []);
        },
      );
    };
    // A connection of its own: one that is kept would not be vetted again.
    const options = { method, lookup, signal, agent: false as const, ...(headers && { headers }) };
    return new Promise((resolved, rejected) => {
      const request = (url.protocol === 'https:' ? overHttps : overHttp)(url, options, resolved);
      request.once('error', rejected);
      request.once('socket', (socket) => socket.once(url.protocol === 'https:' ? 'secureConnect' : 'connect', onConnected));
      request.end(body);
    });
  }

  return async (first, request) => {
    const deadline = AbortSignal.timeout(request.timeoutMs);
    const signal = request.signal ? AbortSignal.any([deadline, request.signal]) : deadline;
    let url = urlOf(first);
    let asked = request;
    let connected = false;
    const failure = (error: unknown): unknown => {
      if (error instanceof OutboundError) return error;
      request.signal?.throwIfAborted();
      return new OutboundError(deadline.aborted ? 'timed_out' : 'unreachable', { connected, cause: error });
    };
    try {
      for (let left = request.maxRedirects ?? 0; ; left--) {
        const answer = await ask(url, asked, signal, () => {
          connected = true;
        });
        const next = left > 0 && request.method !== 'POST' ? redirectOf(answer, url) : undefined;
        if (next === undefined)
          return {
            ...{ status: answer.statusCode ?? 0, headers: answer.headers, url },
            body: bytesOf(answer, request.maxBytes, failure),
            destroy: () => void answer.destroy(),
          };
        answer.destroy();
        // What was meant for one server is not for another one: it may be a secret.
        if (next.origin !== url.origin) asked = { ...request, headers: {} };
        url = next;
      }
    } catch (error) {
      throw failure(error);
    }
  };
}

/** Without the brackets of IPv6. Decimal, octal and hexadecimal forms of IPv4 are written out by the URL itself. */
const hostOf = ({ hostname }: URL) => hostname.replace(/^\[(.*)\]$/, '$1');

function urlOf(text: string | URL, base?: URL): URL {
  if (!URL.canParse(String(text), base?.href)) throw new OutboundError('refused');
  return new URL(String(text), base?.href);
}

function redirectOf({ statusCode = 0, headers }: IncomingMessage, from: URL): URL | undefined {
  if (!redirects.has(statusCode) || headers.location === undefined) return undefined;
  const next = urlOf(headers.location, from);
  if (from.protocol === 'https:' && next.protocol !== 'https:') throw new OutboundError('refused');
  return next;
}

async function* bytesOf(answer: IncomingMessage, maxBytes: number, failure: (error: unknown) => unknown): AsyncGenerator<Buffer> {
  let size = 0;
  try {
    // Whoever leaves this loop early closes the connection.
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > maxBytes) throw new OutboundError('too_large', { connected: true });
      yield chunk;
    }
  } catch (error) {
    throw failure(error);
  }
}
