import { isIP } from 'node:net';

/** An address that may be reached. @throws OutboundError */
export type VettedAddress = (host: string) => Promise<string>;

export interface Destination {
  /** What was vetted is what is connected to: a name that leads elsewhere a moment later gains nothing. */
  address: string;
  /** That the certificate must have; an address has none. */
  servername: string | undefined;
}

/** @param vetted undefined: the operator has named this host, wherever it leads. */
export async function destination(host: string, vetted: VettedAddress | undefined): Promise<Destination> {
  const address = vetted === undefined ? host : await vetted(host);
  return { address, servername: isIP(host) === 0 ? host : undefined };
}
