import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Certificate {
  cert: string;
  key: string;
}

export interface Authority {
  /** Its own certificate. */
  ca: string;
  /** Signed by it; for TLS servers and clients alike. @param names like `DNS:localhost` or `IP:127.0.0.1`. */
  issue(...names: string[]): Promise<Certificate>;
}

/** Why there are no certificates to test with; undefined when there are. */
export const noOpenssl: string | undefined = await run('openssl', ['version']).then(
  () => undefined,
  () => 'no openssl here',
);

const keyOptions = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];

/** A certificate with an RSA key that nobody vouches for, as PEM. */
export async function selfSigned(subject: string): Promise<Certificate> {
  const made = ['-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', subject, '-keyout', '-', '-out', '-'];
  const { stdout } = await run('openssl', ['req', '-x509', ...made]);
  const pem = (kind: string) => new RegExp(`-----BEGIN ${kind}-----.*?-----END ${kind}-----`, 's').exec(stdout)?.[0] ?? '';
  return { cert: pem('CERTIFICATE'), key: pem('PRIVATE KEY') };
}

/** A certificate authority of its own, made with the openssl command. */
export async function certificateAuthority(): Promise<Authority> {
  const inDirectory = async <T>(use: (at: (name: string) => string) => Promise<T>): Promise<T> => {
    const directory = await mkdtemp(join(tmpdir(), 'handoff-certificates-'));
    try {
      return await use((name) => join(directory, name));
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  };
  const own = await inDirectory(async (at) => {
    await run('openssl', ['req', '-x509', ...keyOptions, '-subj', '/CN=test authority', '-keyout', at('key'), '-out', at('cert')]);
    return { cert: await readFile(at('cert'), 'utf8'), key: await readFile(at('key'), 'utf8') };
  });
  return {
    ca: own.cert,
    issue: (...names) =>
      inDirectory(async (at) => {
        await writeFile(at('ca'), own.cert);
        await writeFile(at('ca-key'), own.key);
        await run('openssl', ['req', ...keyOptions, '-subj', '/CN=test', '-keyout', at('key'), '-out', at('request')]);
        await writeFile(at('extensions'), `subjectAltName=${names.join(',')}\n`);
        const signed = ['-CA', at('ca'), '-CAkey', at('ca-key'), '-CAcreateserial', '-days', '2', '-extfile', at('extensions')];
        await run('openssl', ['x509', '-req', '-in', at('request'), ...signed, '-out', at('cert')]);
        return { cert: await readFile(at('cert'), 'utf8'), key: await readFile(at('key'), 'utf8') };
      }),
  };
}
