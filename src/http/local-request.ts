import type { Request } from 'express';
import { BlockList, isIP, isIPv6 } from 'node:net';

/** RFC 1122, 3.2.1.3 and RFC 4291, 2.5.3; IPv4 addresses within IPv6 are found, too. */
const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8);
loopback.addAddress('::1', 'ipv6');

/** What proxies add. */
const forwarding = ['Forwarded', 'X-Forwarded-For', 'X-Real-IP', 'Via'];

/** Whether a request comes from this machine, as far as one can tell: a proxy on it may bring others'. */
export function isLocal(request: Request): boolean {
  const address = request.socket.remoteAddress;
  if (address === undefined || forwarding.some((name) => request.get(name) !== undefined)) return false;
  return loopback.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}

/**
 * Whether the browser, if it is one, asked for this machine by an address or by `localhost`. Under any other name a page of
 * somebody else's could read the answer, should that name lead here (DNS rebinding).
 */
export function isForThisMachine(request: Request): boolean {
  const name = /^(localhost|[\d.]+|\[[\da-f:.]+\])(?::\d{1,5})?$/i.exec(request.headers.host ?? '')?.[1]?.replace(/^\[|\]$/g, '');
  if (name?.toLowerCase() === 'localhost') return true;
  return name !== undefined && isIP(name) !== 0 && loopback.check(name, isIPv6(name) ? 'ipv6' : 'ipv4');
}
