import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { IncomingMessage, ServerResponse } from 'node:http';

import { createGuardedFetch, type Guard, type OutboundRequest } from '../../../src/outbound/guarded-fetch.ts';
import { OutboundError } from '../../../src/outbound/outbound-error.ts';
import { type Canary, startCanary } from '../../support/canary.ts';

/** Stands for the public internet: allowed, and not where the canary is. macOS has no second IPv4 address of its own. */
const outside = process.platform === 'linux' ? '127.0.0.2' : '::1';
const publicPlace = { address: outside, family: outside === '::1' ? 6 : 4 };
const canaryPlace = { address: '127.0.0.1', family: 4 };

let canary: Canary;
let server: Canary;
let answer: (request: IncomingMessage, response: ServerResponse) => void;

beforeEach(async () => {
  canary = await startCanary();
  answer = (_request, response) => response.end('hello');
  server = await startCanary(outside, (request, response) => {
    answer(request, response);
  });
});
afterEach(async () => {
  await canary.close();
  await server.close();
});

const limits = { timeoutMs: 20_000, maxBytes: 1_000 };

/** What became of it: the body, or why not. */
async function outcome(url: string, { guard = {}, ...request }: Partial<OutboundRequest> & { guard?: Guard } = {}): Promise<string> {
  try {
    return (await createGuardedFetch(guard)(url, { ...limits, ...request })).body.toString();
  } catch (error) {
    if (error instanceof OutboundError) return error.reason;
    throw error;
  }
}

/** Every name is the public server, which may be reached. */
const open: Guard = { allow: [outside], resolve: () => Promise.resolve([publicPlace]) };
const at = (host: string, port = server.port) => `http://${host}:${String(port)}/`;

describe('a request to an address that is not public', () => {
  test.each([
    ['dotted', '127.0.0.1'],
    ['another of this machine', '127.1.2.3'],
    ['short', '127.1'],
    ['decimal', '2130706433'],
    ['octal', '0177.0.0.1'],
    ['octal, whole', '017700000001'],
    ['hexadecimal', '0x7f.0x0.0x0.0x1'],
    ['hexadecimal, whole', '0x7f000001'],
    ['mixed', '0x7f.1'],
    ['in full-width digits', '１２７.０.０.１'],
    ['in circled digits', '①②⑦.⓪.⓪.①'],
    ['percent-encoded', '%31%32%37.0.0.1'],
    ['with a dot at the end', '127.0.0.1.'],
    ['unspecified', '0.0.0.0'],
    ['unspecified, short', '0'],
    ['IPv6', '[::1]'],
    ['IPv6 in full', '[0:0:0:0:0:0:0:1]'],
    ['IPv6 unspecified', '[::]'],
    ['IPv4 mapped into IPv6', '[::ffff:127.0.0.1]'],
    ['IPv4 mapped into IPv6, hexadecimal', '[::ffff:7f00:1]'],
    ['IPv4-compatible IPv6', '[::127.0.0.1]'],
    ['NAT64', '[64:ff9b::7f00:1]'],
    ['6to4', '[2002:7f00:1::]'],
    ['a local name', 'localhost'],
    ['a local name in capitals', 'LOCALHOST'],
    ['metadata', '169.254.169.254'],
    ['metadata, decimal', '2852039166'],
    ['metadata over IPv6', '[fd00:ec2::254]'],
    ['private', '10.0.0.1'],
    ['carrier-grade NAT', '100.64.0.1'],
    ['link-local', '[fe80::1]'],
    ['multicast', '224.0.0.1'],
  ])('is refused: %s (%s)', async (_form, host) => {
    expect(await outcome(at(host, canary.port))).toBe('refused');
    expect(canary.connections).toBe(0);
  });

  test('is refused by the name of a host, too, whatever the name', async () => {
    for (const address of ['127.0.0.1', '::ffff:127.0.0.1', '10.0.0.1', '169.254.169.254', '::1', 'not an address']) {
      const resolve = () => Promise.resolve([{ address, family: address.includes(':') ? 6 : 4 }]);
      for (const host of ['rebind.example.com', 'localhost.example.com', '127.0.0.1.nip.io', 'localhost.', 'a.localhost'])
        expect([address, await outcome(at(host, canary.port), { guard: { resolve } })]).toEqual([address, 'refused']);
    }
    expect(canary.connections).toBe(0);
  });

  test('is refused when only one of many addresses of its host is not public, whichever', async () => {
    for (const bad of [0, 1, 2]) {
      const places = [0, 1, 2].map((index) => (index === bad ? canaryPlace : publicPlace));
      const guard = { ...open, resolve: () => Promise.resolve(places) };
      expect([bad, await outcome(at('many.example.com', canary.port), { guard })]).toEqual([bad, 'refused']);
    }
    expect([canary.connections, server.connections]).toEqual([0, 0]);
  });
});

describe('DNS rebinding', () => {
  test('gains nothing: the address that was vetted is the one that is used, and a name is asked for once a connection', async () => {
    const asked: string[] = [];
    const guard: Guard = {
      ...open,
      resolve: (host) => {
        asked.push(host);
        return Promise.resolve([asked.length === 1 ? publicPlace : canaryPlace]);
      },
    };
    const fetch = createGuardedFetch(guard);
    expect((await fetch(at('rebind.example.com'), limits)).body.toString()).toBe('hello');
    expect(asked).toEqual(['rebind.example.com']);
    // The next one is a connection of its own, and vetted again.
    for (const port of [server.port, canary.port])
      await expect(fetch(at('rebind.example.com', port), limits)).rejects.toMatchObject({ reason: 'refused' });
    expect([asked.length, server.requests.length, canary.connections]).toEqual([3, 1, 0]);
  });

  test('between a redirect and its target gains nothing', async () => {
    let asked = 0;
    const resolve = () => Promise.resolve([asked++ === 0 ? publicPlace : canaryPlace]);
    answer = (_request, response) => response.writeHead(302, { Location: at('rebind.example.com', canary.port) }).end();
    expect(await outcome(at('rebind.example.com'), { guard: { ...open, resolve }, maxRedirects: 5 })).toBe('refused');
    expect(canary.connections).toBe(0);
  });
});

describe('a redirect', () => {
  test('is not followed unless asked for: it is the answer', async () => {
    answer = (_request, response) => response.writeHead(302, { Location: at('127.0.0.1', canary.port) }).end('moved');
    const { status, headers } = await createGuardedFetch(open)(at('a.example.com'), limits);
    expect([status, headers.location, canary.connections]).toEqual([302, at('127.0.0.1', canary.port), 0]);
  });

  test.each([
    (port: number) => `http://127.0.0.1:${String(port)}/`,
    (port: number) => `http://2130706433:${String(port)}/`,
    (port: number) => `//localhost:${String(port)}/`,
    (port: number) => `http://[::ffff:7f00:1]:${String(port)}/`,
    (port: number) => `http://user@example.com:${String(port)}/`,
    () => 'file:///etc/passwd',
    () => 'gopher://127.0.0.1/',
    () => 'http://',
  ])('to what is not allowed is refused: %s', async (to) => {
    answer = (_request, response) => response.writeHead(301, { Location: to(canary.port) }).end();
    const guard: Guard = { allow: [outside], resolve: (host) => Promise.resolve([host === 'localhost' ? canaryPlace : publicPlace]) };
    expect(await outcome(at('a.example.com'), { guard, maxRedirects: 5 })).toBe('refused');
    expect(canary.connections).toBe(0);
  });

  test('is followed as often as asked for, and a request that changes something never', async () => {
    answer = (request, response) => {
      const hop = Number(request.url?.slice(1));
      if (hop < 3) response.writeHead(307, { Location: `/${String(hop + 1)}` }).end('moved');
      else response.end('arrived');
    };
    expect(await outcome(at('a.example.com'), { guard: open, maxRedirects: 3 })).toBe('arrived');
    expect(await outcome(at('a.example.com'), { guard: open, maxRedirects: 2 })).toBe('moved');
    expect(await outcome(at('a.example.com'), { guard: open, maxRedirects: 3, method: 'POST', body: 'x' })).toBe('moved');
  });

  test('takes headers along to the same origin only', async () => {
    const target = { host: 'a.example.com' };
    answer = (request, response) => {
      if (request.url === '/') response.writeHead(302, { Location: `${at(target.host)}next` }).end();
      else response.end(request.headers.authorization ?? 'nothing');
    };
    const request = { guard: open, maxRedirects: 1, headers: { Authorization: 'secret' } };
    expect(await outcome(at('a.example.com'), request)).toBe('secret');
    target.host = 'b.example.com';
    expect(await outcome(at('a.example.com'), request)).toBe('nothing');
  });
});

describe('what is asked for', () => {
  test.each([
    'file:///etc/passwd',
    'ftp://example.com/',
    'gopher://example.com/',
    'data:,x',
    'javascript:1',
    '//example.com',
    'nonsense',
    '',
  ])('must be HTTP: %j', async (url) => {
    expect(await outcome(url, { guard: open })).toBe('refused');
  });

  test.each(['user@', 'user:password@', ':password@'])('must have no user info: %s', async (user) => {
    expect(await outcome(`http://${user}a.example.com:${String(server.port)}/`, { guard: open })).toBe('refused');
    expect(server.connections).toBe(0);
  });

  test('must be at a port of the list, when there is one', async () => {
    expect(await outcome(at('a.example.com'), { guard: open, ports: [80, 443] })).toBe('refused');
    expect(server.connections).toBe(0);
    expect(await outcome(at('a.example.com'), { guard: open, ports: [443, server.port] })).toBe('hello');
  });

  test('is sent with its method, headers and body', async () => {
    answer = (request, response) =>
      request.pipe(response.writeHead(201, { 'X-Method': request.method, 'X-Mine': request.headers['x-mine'] }));
    const sent = { ...limits, method: 'POST', headers: { 'X-Mine': '1' }, body: 'ping' } as const;
    const { status, headers, body, url } = await createGuardedFetch(open)(at('a.example.com'), sent);
    expect([status, headers['x-method'], headers['x-mine'], body.toString(), url.href]).toEqual([
      201,
      'POST',
      '1',
      'ping',
      at('a.example.com'),
    ]);
  });
});

describe('what an operator allows', () => {
  test.each([
    { allow: ['127.0.0.0/8', '::1'] },
    { allow: ['localhost'] },
    { origins: (port: number) => [`http://localhost:${String(port)}`] },
  ])('is reached: %j', async ({ allow = [], origins }) => {
    const guard = { allow, resolve: () => Promise.resolve([canaryPlace]), ...(origins && { origins: origins(canary.port) }) };
    expect(await outcome(at('localhost', canary.port), { guard })).toBe('secret');
  });

  test('opens nothing else: not another port of an origin, not another host at the same address', async () => {
    const resolve = () => Promise.resolve([canaryPlace]);
    const url = at('localhost', canary.port);
    expect(await outcome(url, { guard: { origins: ['http://localhost:1'], resolve } })).toBe('refused');
    expect(await outcome(url, { guard: { origins: [`https://localhost:${String(canary.port)}`], resolve } })).toBe('refused');
    expect(await outcome(url, { guard: { allow: ['example.com'], resolve } })).toBe('refused');
    expect(canary.connections).toBe(0);
  });
});

describe('an answer', () => {
  test('that is too large is given up, whatever its length is said to be', async () => {
    answer = (_request, response) => response.end('x'.repeat(1_001));
    expect(await outcome(at('a.example.com'), { guard: open })).toBe('too_large');
    answer = (_request, response) => {
      // Without an end, and without a Content-Length.
      const more = () => response.write('x'.repeat(400), () => !response.destroyed && setImmediate(more));
      more();
    };
    expect(await outcome(at('a.example.com'), { guard: open })).toBe('too_large');
    answer = (_request, response) => response.end('x'.repeat(1_000));
    expect(await outcome(at('a.example.com'), { guard: open })).toHaveLength(1_000);
  });

  test.each([
    ['does not begin', () => undefined],
    ['does not end', (_request: IncomingMessage, response: ServerResponse) => response.write('x')],
    [
      'leads from redirect to redirect',
      (_request: IncomingMessage, response: ServerResponse) => setTimeout(() => response.writeHead(302, { Location: '/' }).end(), 20),
    ],
  ])('that %s is given up in time', async (_what, slow) => {
    answer = slow;
    expect(await outcome(at('a.example.com'), { guard: open, timeoutMs: 200, maxRedirects: 1_000 })).toBe('timed_out');
  });

  test('from a name that takes long to find is given up in time', async () => {
    const resolve = () => new Promise<never>(() => undefined);
    expect(await outcome(at('a.example.com'), { guard: { resolve }, timeoutMs: 200 })).toBe('timed_out');
  });

  test('that does not come, or breaks off, says only that', async () => {
    answer = (request) => request.socket.destroy();
    expect(await outcome(at('a.example.com'), { guard: open })).toBe('unreachable');
    answer = (_request, response) => {
      response.writeHead(200, { 'Content-Length': 10 }).write('x', () => response.destroy());
    };
    expect(await outcome(at('a.example.com'), { guard: open })).toBe('unreachable');
    const unknown = { resolve: () => Promise.reject(new Error('ENOTFOUND hunter2')) };
    expect(await outcome(at('hunter2.example.com'), { guard: unknown })).toBe('unreachable');
    expect(await outcome(at('a.example.com'), { guard: { resolve: () => Promise.resolve([]) } })).toBe('unreachable');
  });

  test('is no longer waited for once the caller gives up', async () => {
    answer = () => {
      leave.abort(new Error('I have left'));
    };
    const leave = new AbortController();
    await expect(outcome(at('a.example.com'), { guard: open, signal: leave.signal })).rejects.toThrow('I have left');
  });
});
