import ipaddr from 'ipaddr.js';

type Address = ReturnType<typeof ipaddr.parse>;

/** Azure's WireServer: the host of a virtual machine, under an address that looks like any public one. */
const wireServer = '168.63.129.16';
/** Of IPv6 only this part is in public use (RFC 4291, 2.4; IANA's IPv6 address space). */
const [publicIpv6, publicIpv6Bits] = ipaddr.parseCIDR('2000::/3');

function parsed(address: string): Address | undefined {
  // `process` takes an IPv4 address out of its IPv6 form (::ffff:127.0.0.1).
  return ipaddr.isValid(address) ? ipaddr.process(address) : undefined;
}

/**
 * Whether an address is reached over the public internet, and leads to nothing else: not to this machine, its network or its
 * cloud's metadata, and to none of them through a tunnel or translator (6to4, Teredo, NAT64).
 */
export function isPublic(address: string): boolean {
  const known = parsed(address);
  if (known?.range() !== 'unicast') return false;
  return known.kind() === 'ipv4' ? known.toString() !== wireServer : known.match(publicIpv6, publicIpv6Bits);
}

const withoutDot = (host: string) => host.toLowerCase().replace(/\.$/, '');

/** What an operator lets through beside public addresses. */
export interface AllowList {
  hasHost(name: string): boolean;
  hasAddress(address: string): boolean;
}

/** @param entries addresses, networks (`10.1.0.0/16`) and names of hosts. */
export function allowList(entries: readonly string[]): AllowList {
  const networks: [Address, number][] = [];
  const hosts = new Set<string>();
  for (const entry of entries) {
    if (ipaddr.isValidCIDR(entry)) networks.push(ipaddr.parseCIDR(entry));
    else if (ipaddr.isValid(entry)) networks.push([ipaddr.process(entry), ipaddr.process(entry).kind() === 'ipv4' ? 32 : 128]);
    else hosts.add(withoutDot(entry));
  }
  return {
    hasHost: (name) => hosts.has(withoutDot(name)),
    hasAddress(address) {
      const known = parsed(address);
      return known !== undefined && networks.some(([network, bits]) => network.kind() === known.kind() && known.match(network, bits));
    },
  };
}
