import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { eventually } from './eventually.ts';
import { freePort } from './free-port.ts';

const run = promisify(execFile);
const program = '/usr/sbin/postfix';
/** Of `nobody`: whom the mailboxes belong to. */
const owner = 65_534;

/** Why there is no Postfix to test with; `undefined` when there is one. */
export async function whyNoPostfix(): Promise<string | undefined> {
  // Without a configuration it prints its defaults.
  const found = await run('/usr/sbin/postconf', ['-d', 'mail_version']).then(
    ({ stdout }) => /= 3\.([4-9]|\d\d)/.test(stdout),
    () => false,
  );
  if (!found) return 'no Postfix from version 3.4 here';
  return process.getuid?.() === 0 ? undefined : 'Postfix can be started by root only';
}

const services = `
cleanup   unix  n       -       n       -       0       cleanup
qmgr      unix  n       -       n       300     1       qmgr
rewrite   unix  -       -       n       -       -       trivial-rewrite
bounce    unix  -       -       n       -       0       bounce
defer     unix  -       -       n       -       0       bounce
trace     unix  -       -       n       -       0       bounce
proxymap  unix  -       -       n       -       -       proxymap
error     unix  -       -       n       -       -       error
retry     unix  -       -       n       -       -       error
virtual   unix  -       n       n       -       -       virtual
anvil     unix  -       -       n       -       1       anvil
postlog   unix-dgram n  -       n       -       1       postlogd
`;

function settings(directory: string, users: readonly string[], messageSizeLimit: number): string {
  return `
compatibility_level = 3.6
queue_directory = ${directory}/queue
data_directory = ${directory}/data
maillog_file = ${directory}/log
maillog_file_prefixes = ${directory}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mx.example.com
mydestination =
alias_maps =
virtual_mailbox_domains = example.com
virtual_mailbox_maps = inline:{${users.map((user) => `${user}@example.com=${user}/`).join(', ')}}
virtual_mailbox_base = ${directory}/mail
virtual_uid_maps = static:${String(owner)}
virtual_gid_maps = static:${String(owner)}
virtual_mailbox_limit = 0
message_size_limit = ${String(messageSizeLimit)}
smtpd_relay_restrictions = reject_unauth_destination
`;
}

/** A Postfix of its own: a free port on loopback, a temporary directory, mailboxes below example.com, and nothing that leaves. */
export async function startPostfix({ users, messageSizeLimit }: { users: readonly string[]; messageSizeLimit: number }) {
  const directory = await mkdtemp(join(tmpdir(), 'handoff-postfix-'));
  // Its processes have users of their own, who must come through.
  await chmod(directory, 0o755);
  const port = await freePort();
  for (const name of ['conf', 'queue', 'data', 'mail']) await mkdir(join(directory, name));
  await chown(join(directory, 'mail'), owner, owner);
  await run('chown', ['postfix', join(directory, 'data')]);
  await writeFile(join(directory, 'conf/main.cf'), settings(directory, users, messageSizeLimit));
  await writeFile(join(directory, 'conf/master.cf'), `127.0.0.1:${String(port)} inet n - n - - smtpd${services}`);

  const command = (name: string): [string, string[]] => [program, ['-c', join(directory, 'conf'), name]];
  // In the foreground: it ends when Postfix itself has, and all of its processes.
  const server = spawn(...command('start-fg'), { stdio: 'ignore' });
  const exited = once(server, 'exit');
  const stop = async (): Promise<void> => {
    // It ends the process whose id is in this directory. Where it never came so far, there is only ours.
    await run(...command('stop')).catch(() => server.kill('SIGTERM'));
    await exited;
    await rm(directory, { recursive: true, force: true });
  };
  const log = () => readFile(join(directory, 'log'), 'utf8').catch(() => '(no log)');
  try {
    await eventually(async () => {
      const socket = connect(port, '127.0.0.1');
      await once(socket, 'connect').finally(() => socket.destroy());
    });
  } catch {
    const said = await log();
    await stop();
    throw new Error(`Postfix does not listen. Its log:\n${said}`);
  }
  return {
    port,
    log,
    /** What lies in the mailbox of a user. */
    async mailbox(user: string): Promise<string[]> {
      const folder = join(directory, 'mail', user, 'new');
      const names = await readdir(folder).catch(() => []);
      return Promise.all(names.map((name) => readFile(join(folder, name), 'latin1')));
    },
    stop,
  };
}
