import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { NativeConnection } from '@temporalio/worker';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { loadTemporalConnection } from '../../src/config.ts';
import { type Authority, certificateAuthority, noOpenssl } from '../support/certificates.ts';
import { eventually } from '../support/eventually.ts';
import { startMailServer } from '../support/mail-server.ts';
import { startSystem, type TestSystem } from '../support/system.ts';
import { startTlsProxy } from '../support/tls-proxy.ts';

const patience = { within: 90_000 };

(noOpenssl === undefined ? describe : describe.skip)(`Temporal behind mutual TLS${noOpenssl === undefined ? '' : `: ${noOpenssl}`}`, () => {
  let directory: string;
  let proxy: Awaited<ReturnType<typeof startTlsProxy>>;
  let mail: Awaited<ReturnType<typeof startMailServer>>;
  let system: TestSystem;
  let env: Record<string, string> & { TEMPORAL_ADDRESS: string };
  let oldAuthority: Authority;
  let newAuthority: Authority;

  const put = async (name: string, text: string) => {
    const path = join(directory, name);
    await writeFile(`${path}.new`, text);
    await rename(`${path}.new`, path);
    return path;
  };
  const email = { to: ['ada@example.com'], subject: 'Hello', text: 'Hi' };
  const completed = (id: string) =>
    eventually(async () => {
      expect((await system.jobs.get('acme', id))?.status).toBe('completed');
    }, patience);

  /** Held back until released, so that a job runs while the certificate changes. */
  let release: () => void = () => undefined;
  let held: Promise<void> = Promise.resolve();

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'handoff-temporal-tls-'));
    [oldAuthority, newAuthority] = [await certificateAuthority(), await certificateAuthority()];
    const server = await oldAuthority.issue('DNS:localhost');
    const client = await oldAuthority.issue('DNS:handoff');
    proxy = await startTlsProxy(process.env['TEMPORAL_ADDRESS'] ?? '', {
      ...server,
      ca: oldAuthority.ca,
      requestCert: true,
      rejectUnauthorized: true,
      ALPNProtocols: ['h2'],
    });
    mail = await startMailServer({
      onData(stream, _session, done) {
        stream.resume().on('end', () => {
          held.then(
            () => {
              done(null, 'taken');
            },
            () => undefined,
          );
        });
      },
    });
    env = {
      TEMPORAL_ADDRESS: `localhost:${String(proxy.port)}`,
      TEMPORAL_TLS_CLIENT_CERT_PATH: await put('client.pem', client.cert),
      TEMPORAL_TLS_CLIENT_KEY_PATH: await put('client.key', client.key),
      TEMPORAL_TLS_SERVER_CA_CERT_PATH: await put('ca.pem', oldAuthority.ca),
    };
    system = await startSystem({
      taskQueue: 'temporal-tls',
      smtpUrl: `smtp://127.0.0.1:${String(mail.port)}`,
      temporal: { env, checkMs: 50 },
    });
  }, 120_000);

  afterAll(async () => {
    release();
    await system.close();
    await mail.close();
    await proxy.close();
    await rm(directory, { recursive: true, force: true });
  }, 60_000);

  test('works with the certificate of the client', async () => {
    const { job } = await system.submit('email', email);
    await completed(job.id);
    expect(proxy.clients().length).toBeGreaterThan(0);
  });

  test('is not spoken to when its certificate is of another authority or has another name, nor without a certificate of ours', async () => {
    const reached = async (changes: Record<string, string>) => {
      const address = env.TEMPORAL_ADDRESS;
      const connection = await NativeConnection.connect({ ...loadTemporalConnection({ ...env, ...changes }), address });
      await connection.close();
    };
    await reached({});
    for (const changes of [
      { TEMPORAL_TLS_SERVER_CA_CERT_PATH: await put('other.pem', newAuthority.ca) },
      { TEMPORAL_TLS_SERVER_NAME: 'elsewhere.example' },
      { TEMPORAL_TLS_CLIENT_CERT_PATH: '', TEMPORAL_TLS_CLIENT_KEY_PATH: '' },
    ]) {
      const refused = proxy.refused();
      await expect(reached(changes)).rejects.toThrow();
      await eventually(() => {
        expect(proxy.refused()).toBeGreaterThan(refused);
      });
    }
  });

  test('takes renewed certificates without a restart: a job that runs goes on, the server may refuse the old ones, and new jobs work', async () => {
    held = new Promise<void>((resolve) => (release = resolve));
    const { job: running } = await system.submit('email', email);
    await eventually(async () => {
      expect((await system.jobs.get('acme', running.id))?.status).toBe('running');
    }, patience);

    const before = new Set(proxy.clients());
    const server = await newAuthority.issue('DNS:localhost');
    const client = await newAuthority.issue('DNS:handoff');
    proxy.setSecureContext({ ...server, ca: newAuthority.ca, requestCert: true, rejectUnauthorized: true });
    // One file after the other, as it happens: what does not fit together yet must not end anything.
    await put('ca.pem', newAuthority.ca);
    await put('client.pem', client.cert);
    await put('client.key', client.key);
    await eventually(() => {
      expect(proxy.clients().filter((serial) => !before.has(serial)).length).toBeGreaterThan(0);
    }, patience);

    const { job: later } = await eventually(() => system.submit('email', email), patience);
    // The old connections die; whoever still used them would be refused from now on.
    proxy.cut();
    release();
    await completed(running.id);
    await completed(later.id);
    expect(new Set(proxy.clients()).size).toBe(1);
    expect(proxy.clients().some((serial) => before.has(serial))).toBe(false);
  }, 240_000);
});
