import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

import { runCommand } from '../support/command.ts';

const run = (...args: string[]) => runCommand('mail-providers', ...args);

describe('handoff mail-providers', () => {
  beforeEach(() => {
    process.env['HANDOFF_MAIL_PROVIDERS'] = 'main=resend://none@ spare=smtp://mail.example.org';
  });
  afterEach(() => {
    delete process.env['HANDOFF_MAIL_PROVIDERS'];
  });

  test('shows the providers in their order, and changes their rates for all workers', async () => {
    expect(await run('rate', 'spare', '--per-second', '2.5', '--bulk-per-second', '0')).toMatchObject({ code: 0, out: '' });
    const { out } = await run('list');
    expect(out).toMatch(/^main +resend +- +-$/m);
    expect(out).toMatch(/^spare +smtp +2\.5 +0 \(paused\)$/m);
    expect(out.indexOf('main')).toBeLessThan(out.indexOf('spare'));
    expect(await run('rate', 'spare', '--per-second', 'none', '--bulk-per-second', 'none')).toMatchObject({ code: 0 });
    expect((await run('list')).out).toMatch(/^spare +smtp +- +-$/m);
  });

  test.each([
    [['rate'], 'Which provider?'],
    [['rate', 'main'], 'Which rate?'],
    [['rate', 'main', '--per-second', 'many'], '--per-second: must be a number'],
    [['rate', 'main', '--per-second=-1'], '--per-second: must be a number'],
    [['rate', 'main', '--bulk-per-second', '1e3'], '--bulk-per-second: must be a number'],
    [['rate', 'other', '--per-second', '1'], 'There is no mail provider "other", only main, spare.'],
    [['rate', 'main', 'spare'], 'There is no command'],
  ])('%j is refused with a reason and without a stack', async (args, reason) => {
    const { code, out, said } = await run(...args);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(said).toContain(reason);
    expect(said).not.toMatch(/^\s+at /m);
  });
});
