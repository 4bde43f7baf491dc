import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { sql } from 'kysely';

import { openDatabase } from '../../src/database/open.ts';
import { type Authority, certificateAuthority, noOpenssl } from '../support/certificates.ts';
import { findPostgres, startPostgres } from '../support/postgres.ts';

const programs = await findPostgres();
const skipped = noOpenssl ?? ('skipped' in programs ? programs.skipped : undefined);

(skipped === undefined ? describe : describe.skip)(`PostgreSQL over TLS${skipped === undefined ? '' : `: ${skipped}`}`, () => {
  let directory: string;
  let authority: Authority;
  let caFile: string;
  let otherCaFile: string;
  const servers: Awaited<ReturnType<typeof startPostgres>>[] = [];
  const start = async (...names: string[]) => {
    if ('skipped' in programs) throw new Error(programs.skipped);
    const server = await startPostgres(programs, { tls: await authority.issue(...names) });
    servers.push(server);
    return server.url.replace('127.0.0.1', 'localhost');
  };

  let url: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'handoff-database-tls-'));
    authority = await certificateAuthority();
    caFile = join(directory, 'ca.pem');
    otherCaFile = join(directory, 'other.pem');
    await writeFile(caFile, authority.ca);
    await writeFile(otherCaFile, (await certificateAuthority()).ca);
    url = await start('DNS:localhost');
  }, 120_000);
  afterAll(async () => {
    for (const server of servers) await server.stop();
    await rm(directory, { recursive: true, force: true });
  }, 60_000);

  /** Code of the error, or of its cause. */
  const refusal = async (wrong: string): Promise<string> => {
    const error: unknown = await openDatabase({ url: wrong }).then(
      (db) => db.destroy().then(() => ({ code: 'connected' })),
      (reason: unknown) => reason,
    );
    const { code, cause } = error as { code?: string; cause?: { code?: string } };
    return code ?? cause?.code ?? 'no code';
  };

  test('verify-full connects to the server that the certificate names, encrypted', async () => {
    const db = await openDatabase({ url: `${url}?sslmode=verify-full&sslrootcert=${encodeURIComponent(caFile)}` });
    try {
      const { rows } = await sql<{ ssl: boolean }>`select ssl from pg_stat_ssl where pid = pg_backend_pid()`.execute(db);
      expect(rows).toEqual([{ ssl: true }]);
    } finally {
      await db.destroy();
    }
  }, 60_000);

  test('verify-full refuses a server of another authority', async () => {
    for (const query of [`sslmode=verify-full&sslrootcert=${encodeURIComponent(otherCaFile)}`, 'sslmode=verify-full'])
      expect(await refusal(`${url}?${query}`)).toMatch(
        /^(UNABLE_TO_VERIFY_LEAF_SIGNATURE|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_GET_ISSUER_CERT.*)$/,
      );
  }, 60_000);

  test('verify-full refuses a certificate with another name', async () => {
    const elsewhere = await start('DNS:elsewhere.example');
    const query = `sslmode=verify-full&sslrootcert=${encodeURIComponent(caFile)}`;
    expect(await refusal(`${elsewhere}?${query}`)).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
  }, 120_000);

  test('verify-full refuses a server without TLS', async () => {
    if ('skipped' in programs) throw new Error(programs.skipped);
    const plain = await startPostgres(programs);
    servers.push(plain);
    await expect(openDatabase({ url: `${plain.url}?sslmode=verify-full&sslrootcert=${encodeURIComponent(caFile)}` })).rejects.toThrow(
      /SSL/,
    );
  }, 120_000);
});
