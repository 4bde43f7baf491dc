import { describe, expect, test } from '@jest/globals';

import { loadConfig } from '../../src/config.ts';
import { problemsOf } from '../support/config-problems.ts';

describe('the configuration of what lies before the API', () => {
  test.each([
    ...['*', 'https://*.example.com', 'https://app.example.com/', 'https://app.example.com/x', 'app.example.com', 'null', 'file:///x'],
    ...[
      'https://u:p@app.example.com',
      'https://APP.example.com',
      'https://app.example.com:443',
      '/app/',
      'https://a.example,',
      'https://a.example,*',
    ],
  ])('refuses the origin %j: only exact ones are compared safely', (origins) => {
    expect(problemsOf({ HANDOFF_CORS_ORIGINS: origins })).toMatch(/^The configuration is not usable:\n {2}HANDOFF_CORS_ORIGINS: [^\n]+$/);
  });

  test.each(['true', '*', '0', '-1', '1.5', '0.0.0.0/0', '::/0', '10.0.0.0/33', 'proxy.example', 'loopback', '10.0.0.0/8,true'])(
    'does not trust the proxies %j',
    (proxies) => {
      expect(problemsOf({ HANDOFF_TRUST_PROXY: proxies })).toMatch(/^The configuration is not usable:\n {2}HANDOFF_TRUST_PROXY: [^\n]+$/);
    },
  );

  test.each([
    ['1', 1],
    ['2', 2],
    ['10.0.0.0/8', ['10.0.0.0/8']],
    ['127.0.0.1, fd00::/8', ['127.0.0.1', 'fd00::/8']],
  ])('trusts the proxies %j', (proxies, trustProxy) => {
    expect(loadConfig({ HANDOFF_TRUST_PROXY: proxies }).trustProxy).toEqual(trustProxy);
  });
});
