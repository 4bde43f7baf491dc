import { describe, expect, test } from '@jest/globals';

import { banner } from '../../src/banner.ts';

const shownOn = (host: string) => banner({ url: `http://${host}:3000`, host, uiUrl: undefined, key: 'hk_x', mailDir: undefined });

describe('what npm start says', () => {
  test.each(['0.0.0.0', '::', '192.0.2.7', '128.0.0.1'])('on %s has that the development key works on this machine only', (host) => {
    expect(shownOn(host)).toContain(`HANDOFF_HOST=${host}: other machines may reach the API, but the API key above works at 127.0.0.1`);
  });

  test.each(['127.0.0.1', '127.1.2.3', 'localhost', '::1'])('on %s has nothing about other machines', (host) => {
    expect(shownOn(host)).not.toContain('other machines');
  });

  test.each([
    ['127.0.0.1', 'http://127.0.0.1:3000/dev/mail (files: /data/mail)'],
    ['localhost', 'http://localhost:3000/dev/mail (files: /data/mail)'],
    ['0.0.0.0', 'http://127.0.0.1:3000/dev/mail (files: /data/mail)'],
    ['192.0.2.7', '/data/mail'],
  ])('on %s has where caught mail can be seen: at this machine only', (host, place) => {
    expect(banner({ url: `http://${host}:3000`, host, uiUrl: undefined, key: 'hk_x', mailDir: '/data/mail' })).toContain(
      `  Caught mail       ${place}\n`,
    );
  });

  test('has a page to try uploads on, which has the key where no server sees it', () => {
    expect(shownOn('127.0.0.1')).toContain('  Try an upload     http://127.0.0.1:3000/dev/upload#key=hk_x\n');
    expect(shownOn('192.0.2.7')).not.toContain('/dev/upload');
  });

  test('says that mail really leaves where nothing is caught', () => {
    expect(shownOn('127.0.0.1')).toContain('Caught mail       (none: mail really leaves)\n');
  });
});
