import { promises as dns } from 'node:dns';

import { allowList, isPublic } from './addresses.ts';
import type { Guard } from './guarded-fetch.ts';
import { OutboundError } from './outbound-error.ts';

/**
 * For connections that are no HTTP: an address of the host that may be reached, to connect to in its place.
 * @throws OutboundError; one bad address among several is enough
 */
export function createVettedAddress({ allow = [], resolve = (host) => dns.lookup(host, { all: true }) }: Omit<Guard, 'origins'> = {}) {
  const allowed = allowList(allow);
  return async (host: string): Promise<string> => {
    const places = await resolve(host).catch((error: unknown) => {
      throw new OutboundError('unreachable', { cause: error });
    });
    const [first] = places;
    if (first === undefined) throw new OutboundError('unreachable');
    const permitted = places.every(({ address }) => allowed.hasHost(host) || allowed.hasAddress(address) || isPublic(address));
    if (!permitted) throw new OutboundError('refused');
    return first.address;
  };
}
