import { describe, expect, test } from '@jest/globals';

import { clientNetwork } from '../../../src/limits/client-network.ts';
import { createKeylessRequests } from '../../../src/limits/keyless-requests.ts';

describe('where a request comes from', () => {
  test.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002::1', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:db8:1:2::', '2001:db8:1:2::/64'],
    ['::1', '0:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
    ['no address', 'no address'],
  ])('%s is %s', (address, network) => {
    expect(clientNetwork(address)).toBe(network);
  });
});

describe('requests without a key', () => {
  const time = { now: 0 };
  const limited = (limit: number) => createKeylessRequests(limit, () => time.now);

  test('are limited for each address, and allowed again in the next minute', () => {
    const requests = limited(2);
    const allowed = () => requests.take('192.0.2.1').allowed;
    expect([allowed(), allowed(), allowed()]).toEqual([true, true, false]);
    expect(requests.take('192.0.2.2')).toMatchObject({ allowed: true, limit: 2, remaining: 1, resetSeconds: 60 });
    time.now += 60_000;
    expect(allowed()).toBe(true);
  });

  test('are limited for a whole /64 of IPv6: going through its addresses wins nothing', () => {
    const requests = limited(10);
    const rotated = Array.from({ length: 1_000 }, (_, i) => requests.take(`2001:db8:1:2::${i.toString(16)}`).allowed);
    expect(rotated.filter((allowed) => allowed)).toHaveLength(10);
    expect(requests.take('2001:db8:1:3::1').allowed).toBe(true);
  });

  test('that had a valid key are given back, once', () => {
    const requests = limited(1);
    const { giveBack } = requests.take(undefined);
    giveBack();
    giveBack();
    const second = requests.take(undefined);
    const third = requests.take(undefined);
    expect([second.allowed, third.allowed]).toEqual([true, false]);
    third.giveBack();
    expect(requests.take(undefined).allowed).toBe(false);
  });
});
