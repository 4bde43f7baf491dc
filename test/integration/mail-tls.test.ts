import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';

import { createSmtpSender } from '../../src/mail/smtp.ts';
import { type Authority, type Certificate, certificateAuthority, noOpenssl } from '../support/certificates.ts';
import { freely, outgoing, startMailServer, startRawServer } from '../support/mail-server.ts';

const open: { close(): Promise<void> }[] = [];
function using<T extends { close(): Promise<void> }>(resource: T): T {
  open.unshift(resource);
  return resource;
}
afterEach(async () => {
  for (const resource of open.splice(0)) await resource.close();
});

const send = (url: string) => using(createSmtpSender({ url })).send(outgoing(), freely());

describe('a mail server that must have TLS', () => {
  test('and offers none gets neither login nor message', async () => {
    const server = using(await startMailServer({ disabledCommands: ['STARTTLS'], authOptional: true, allowInsecureAuth: true }));
    await expect(send(`smtp://user:hunter2@127.0.0.1:${String(server.port)}?tls=required`)).rejects.toMatchObject({ retryable: true });
    expect(server.received).toEqual([]);
    await send(`smtp://127.0.0.1:${String(server.port)}?tls=off`);
    expect(server.received).toHaveLength(1);
  });

  test('and hides STARTTLS, as somebody on the way may do, hears nothing but EHLO and STARTTLS', async () => {
    const said: string[] = [];
    const server = using(
      await startRawServer((socket) => {
        socket.write('220 test\r\n');
        socket.on('data', (data) => {
          said.push(data.toString().trim().split(' ')[0] ?? '');
          socket.write(data.toString().startsWith('STARTTLS') ? '454 not now\r\n' : '250 ok\r\n');
        });
      }),
    );
    await expect(send(`smtp://user:hunter2@127.0.0.1:${String(server.port)}?tls=required`)).rejects.toMatchObject({ retryable: true });
    expect([...new Set(said)].filter((word) => word !== 'QUIT')).toEqual(['EHLO', 'STARTTLS']);
  });
});

(noOpenssl === undefined ? describe : describe.skip)(
  `the certificate of a mail server${noOpenssl === undefined ? '' : `: ${noOpenssl}`}`,
  () => {
    let authority: Authority;
    let ours: Certificate;
    let elsewhere: Certificate;
    beforeAll(async () => {
      authority = await certificateAuthority();
      ours = await authority.issue('DNS:localhost');
      elsewhere = await authority.issue('DNS:elsewhere.example');
    }, 60_000);

    const server = async (certificate: Certificate) => using(await startMailServer({ ...certificate, disabledCommands: ['AUTH'] }));

    test.each([
      ['of an authority that nobody here knows', () => ours],
      ['with another name', () => elsewhere],
    ])('%s is refused, with STARTTLS and with smtps', async (_what, certificate) => {
      const starttls = await server(certificate());
      await expect(send(`smtp://localhost:${String(starttls.port)}?tls=required`)).rejects.toMatchObject({ retryable: true });
      const smtps = using(await startMailServer({ ...certificate(), secure: true, disabledCommands: ['AUTH'] }));
      await expect(send(`smtps://localhost:${String(smtps.port)}`)).rejects.toMatchObject({ retryable: true });
      expect([starttls.received, smtps.received]).toEqual([[], []]);
    });

    test('that is right is taken, and the message goes over TLS', async () => {
      const secured: boolean[] = [];
      const starttls = using(
        await startMailServer({
          ...ours,
          disabledCommands: ['AUTH'],
          onMailFrom: (_address, { secure }, done) => {
            secured.push(secure);
            done();
          },
        }),
      );
      const ca = encodeURIComponent(authority.ca);
      await send(`smtp://localhost:${String(starttls.port)}?tls=required&tls.ca=${ca}`);
      expect([secured, starttls.received.length]).toEqual([[true], 1]);
      const wrong = await server(elsewhere);
      await expect(send(`smtp://localhost:${String(wrong.port)}?tls=required&tls.ca=${ca}`)).rejects.toMatchObject({ retryable: true });
      expect(wrong.received).toEqual([]);
    });
  },
);
