import { describe, expect, test } from '@jest/globals';

import { allowList, isPublic } from '../../../src/outbound/addresses.ts';

/** By what they are; the names are those of RFC 6890 and of IANA's registries of special-purpose addresses. */
const closed: Record<string, string[]> = {
  'this machine': ['127.0.0.1', '127.255.255.254', '::1', '0.0.0.0', '0.1.2.3', '::'],
  'private networks': ['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.0.1', 'fc00::1', 'fd12:3456::1', 'fec0::1'],
  'carrier-grade NAT': ['100.64.0.1', '100.127.255.255'],
  'link-local, with the metadata of clouds': ['169.254.0.1', '169.254.169.254', '169.254.170.2', 'fe80::1', 'fe80::1%eth0'],
  'metadata elsewhere': ['fd00:ec2::254', '100.100.100.200', '192.0.0.192', '168.63.129.16'],
  multicast: ['224.0.0.1', '239.255.255.250', 'ff02::1'],
  'broadcast and reserved': ['255.255.255.255', '240.0.0.1', '192.0.0.1', '198.18.0.1', '192.0.2.1', '198.51.100.1', '203.0.113.1'],
  'IPv4 in IPv6': [
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '::ffff:a9fe:a9fe',
    '::127.0.0.1',
    '::a00:1',
    '::ffff:0:7f00:1',
    '0:0:0:0:0:ffff:10.0.0.1',
  ],
  NAT64: ['64:ff9b::7f00:1', '64:ff9b::169.254.169.254', '64:ff9b::8.8.8.8', '64:ff9b:1::a00:1'],
  '6to4 and Teredo': ['2002:7f00:1::', '2002:a9fe:a9fe::1', '2002:808:808::1', '2001::1', '2001:0:7f00:1::'],
  'IPv6 that is not in public use': ['2001:db8::1', '3fff::1', '100::1', '4000::1', '5f00::1', '2001:10::1'],
  'no address at all': ['', 'localhost', '127.0.0.1.', '1.2.3.4/0', '999.1.1.1', ':::', '8.8.8.8 '],
};

describe('an address that is not public', () => {
  const all = Object.entries(closed).flatMap(([kind, addresses]) => addresses.map((address) => [kind, address] as const));

  test.each(all)('%s: %j', (_kind, address) => {
    expect(isPublic(address)).toBe(false);
  });
});

test.each([
  '8.8.8.8',
  '1.1.1.1',
  '172.15.255.255',
  '172.32.0.1',
  '100.63.255.255',
  '100.128.0.1',
  '2606:4700::1111',
  '2a00:1450::1',
  '::ffff:8.8.8.8',
])('the public address %s is one', (address) => {
  expect(isPublic(address)).toBe(true);
});

describe('what an operator allows', () => {
  const allowed = allowList(['10.1.0.0/16', '192.168.0.7', 'fd00::/8', 'Keycloak.internal.']);

  test.each(['10.1.2.3', '::ffff:10.1.2.3', '192.168.0.7', 'fd12::1'])('has %s', (address) => {
    expect(allowed.hasAddress(address)).toBe(true);
  });

  test.each(['10.2.0.1', '192.168.0.8', 'fe80::1', '127.0.0.1', '64:ff9b::a01:203', 'keycloak.internal', ''])(
    'does not have %j',
    (address) => {
      expect(allowed.hasAddress(address)).toBe(false);
    },
  );

  test('has a host by its whole name, however that is written', () => {
    for (const name of ['keycloak.internal', 'KEYCLOAK.internal.']) expect([name, allowed.hasHost(name)]).toEqual([name, true]);
    for (const name of ['internal', 'a.keycloak.internal', 'keycloak.internal.example.com', '10.1.0.0', ''])
      expect([name, allowed.hasHost(name)]).toEqual([name, false]);
  });
});
