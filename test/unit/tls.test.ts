import { once } from 'node:events';
import { mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type ConnectionOptions } from 'node:tls';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';

import { type Config, loadConfig } from '../../src/config.ts';
import { createHealthApp } from '../../src/http/app.ts';
import { listen } from '../../src/listen.ts';
import { type Authority, type Certificate, certificateAuthority, noOpenssl } from '../support/certificates.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';

const where = noOpenssl === undefined ? describe : describe.skip;

where(`TLS of the server${noOpenssl === undefined ? '' : `: ${noOpenssl}`}`, () => {
  let authority: Authority;
  let other: Authority;
  let first: Certificate;
  let second: Certificate;
  beforeAll(async () => {
    [authority, other] = [await certificateAuthority(), await certificateAuthority()];
    [first, second] = [await authority.issue('DNS:localhost'), await authority.issue('DNS:localhost')];
  }, 60_000);

  let directory = '';
  const closers: (() => unknown)[] = [];
  let logged: string[] = [];
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'handoff-tls-'));
    logged = [];
  });
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
    await rm(directory, { recursive: true, force: true });
  });

  async function put(name: string, text: string): Promise<string> {
    const path = join(directory, name);
    await writeFile(`${path}.new`, text);
    await rename(`${path}.new`, path);
    return path;
  }

  async function serve(env: Record<string, string>): Promise<Config> {
    const config = loadConfig({ HANDOFF_PORT: String(await freePort()), HANDOFF_SHUTDOWN_GRACE_SECONDS: '1', ...env });
    const say = (_facts: unknown, message: string) => void logged.push(message);
    const scope = {
      closing<T>(thing: T, close: (thing: T) => unknown): T {
        closers.push(() => close(thing));
        return thing;
      },
    };
    const listening = await listen(
      scope,
      createHealthApp({}),
      config,
      { debug: say, info: say, warn: say, error: say },
      { tlsCheckMs: 20 },
    );
    expect(listening.url).toMatch(/^https:/);
    return config;
  }

  /** Serial number of the certificate that is shown, and the protocol; rejects as TLS does. */
  async function shown({ port }: Config, options: ConnectionOptions = {}): Promise<{ serial: string; protocol: string | null }> {
    const socket = connect({ port, host: '127.0.0.1', servername: 'localhost', ca: authority.ca, ...options });
    try {
      await once(socket, 'secureConnect');
      return { serial: socket.getPeerCertificate().serialNumber, protocol: socket.getProtocol() };
    } finally {
      socket.destroy();
    }
  }

  async function get({ port }: Config, options: object = {}): Promise<{ status: number; headers: NodeJS.Dict<string | string[]> }> {
    const asked = request({
      port,
      host: '127.0.0.1',
      servername: 'localhost',
      ca: authority.ca,
      path: '/livez',
      agent: false,
      ...options,
    }).end();
    const [answer] = (await once(asked, 'response')) as [IncomingMessage];
    answer.resume();
    await once(answer, 'end');
    return { status: answer.statusCode ?? 0, headers: answer.headers };
  }

  const files = async (pair: Certificate) => ({
    HANDOFF_TLS_CERT_FILE: await put('tls.crt', pair.cert),
    HANDOFF_TLS_KEY_FILE: await put('tls.key', pair.key),
  });

  test('answers over it, and binds browsers to it', async () => {
    const config = await serve({ HANDOFF_TLS_CERT: first.cert, HANDOFF_TLS_KEY: first.key });
    const { status, headers } = await get(config);
    expect([status, headers['strict-transport-security']]).toEqual([200, 'max-age=31536000; includeSubDomains']);
    await expect(fetch(`http://127.0.0.1:${String(config.port)}/livez`)).rejects.toThrow();
  });

  test('speaks TLS 1.2 and 1.3 only', async () => {
    const config = await serve(await files(first));
    expect((await shown(config)).protocol).toBe('TLSv1.3');
    expect((await shown(config, { maxVersion: 'TLSv1.2' })).protocol).toBe('TLSv1.2');
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
    await expect(shown(config, old)).rejects.toMatchObject({ code: expect.stringMatching(/ALERT_PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL/) });
    await expect(shown(config, { maxVersion: 'TLSv1.2', ciphers: 'AES128-SHA' })).rejects.toMatchObject({
      code: expect.stringMatching(/^ERR_SSL/),
    });
  });

  test('takes a renewed certificate without a restart, and keeps the connections that there are', async () => {
    const config = await serve(await files(first));
    const { serial } = await shown(config);
    const kept = connect({ port: config.port, host: '127.0.0.1', servername: 'localhost', ca: authority.ca });
    await once(kept, 'secureConnect');
    await files(second);
    await eventually(async () => {
      expect((await shown(config)).serial).not.toBe(serial);
    });
    kept.write('GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
    expect(String((await once(kept, 'data'))[0])).toMatch(/^HTTP\/1\.1 200/);
    kept.destroy();
  });

  test('takes one that was exchanged by a link, as Kubernetes does', async () => {
    for (const [name, pair] of Object.entries({ one: first, two: second })) {
      await put(`${name}.crt`, pair.cert);
      await put(`${name}.key`, pair.key);
    }
    const link = async (name: string) => {
      for (const kind of ['crt', 'key']) {
        await symlink(join(directory, `${name}.${kind}`), join(directory, `new.${kind}`));
        await rename(join(directory, `new.${kind}`), join(directory, `tls.${kind}`));
      }
    };
    await link('one');
    const config = await serve({ HANDOFF_TLS_CERT_FILE: join(directory, 'tls.crt'), HANDOFF_TLS_KEY_FILE: join(directory, 'tls.key') });
    const { serial } = await shown(config);
    await link('two');
    await eventually(async () => {
      expect((await shown(config)).serial).not.toBe(serial);
    });
  });

  test('keeps the certificate that works when the renewed pair does not fit, is broken or is gone, and says so', async () => {
    const config = await serve(await files(first));
    const { serial } = await shown(config);
    const stays = async () => {
      await eventually(() => {
        expect(logged).toContainEqual(expect.stringContaining('not usable'));
      });
      expect((await shown(config)).serial).toBe(serial);
      logged = [];
    };
    await put('tls.crt', second.cert);
    await stays();
    await put('tls.crt', 'hunter2');
    await stays();
    await rm(join(directory, 'tls.crt'));
    await stays();
    await files(second);
    await eventually(async () => {
      expect((await shown(config)).serial).not.toBe(serial);
    });
  });

  test('asks callers for a certificate of the authority that was named, and takes no other', async () => {
    const config = await serve({ ...(await files(first)), HANDOFF_TLS_CLIENT_CA: authority.ca });
    expect((await get(config, await authority.issue('DNS:caller'))).status).toBe(200);
    await expect(get(config)).rejects.toThrow();
    await expect(get(config, await other.issue('DNS:caller'))).rejects.toThrow();
  });

  test.each([
    ['a key of another certificate', () => ({ HANDOFF_TLS_CERT: first.cert, HANDOFF_TLS_KEY: second.key })],
    ['no key', () => ({ HANDOFF_TLS_CERT: first.cert })],
    ['no certificate', () => ({ HANDOFF_TLS_KEY: first.key })],
    ['only an authority', () => ({ HANDOFF_TLS_CLIENT_CA: authority.ca })],
    ['texts that are no PEM', () => ({ HANDOFF_TLS_CERT: 'hunter2', HANDOFF_TLS_KEY: 'hunter2' })],
    ['a broken authority', () => ({ HANDOFF_TLS_CERT: first.cert, HANDOFF_TLS_KEY: first.key, HANDOFF_TLS_CLIENT_CA: 'hunter2' })],
  ])('does not start with %s, and shows none of it', (_what, env) => {
    let message = '';
    try {
      loadConfig(env());
    } catch (error) {
      message = (error as Error).message;
    }
    expect(message).toMatch(/^The configuration is not usable:\n {2}HANDOFF_TLS_/);
    expect(message).not.toMatch(/hunter2|BEGIN/);
  });
});
