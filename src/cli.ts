import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

import type { AuditOptions } from './audit-command.ts';
import { type Config, ConfigError, loadConfig } from './config.ts';
import { type Scope, untilStopped } from './lifecycle.ts';
import { type KeyOptions, keyOrderOf, keyTable, tenantOf } from './keys-command.ts';
import { limitTable, limitValueOf } from './limits-command.ts';
import { createLog, type Log } from './log.ts';
import type { RateOptions } from './mail-providers-command.ts';

const help = `Usage: handoff <command>

  dev       everything on this machine: Temporal, database, API, workers, SMTP catcher (\`npm start\`)
  api       the HTTP API           needs DATABASE_URL and TEMPORAL_ADDRESS
  worker    Temporal workers       needs DATABASE_URL, TEMPORAL_ADDRESS and SMTP_URL
              --queues email,bulk-email,report,upload,operations   serve only these kinds of activities (and all workflows)
  keys      of the API, kept in the database; needs DATABASE_URL
              create   makes one and prints it, once
                --tenant name              whose it is; default: default
                --scopes submit,read       of submit, read, operate and admin (which includes all); default: all but admin
                --expires 90d              or minutes (m) or hours (h); default: never
                --name text                what it is for
              list --tenant name           what there is, without the keys themselves
              revoke <key id>              it stops working within 5 seconds
  encryption   of what jobs hold in Temporal (docs/encryption.md)
              key [--keep file]        prints a new master key, or keeps one in a file unless there is one
              rotate [--tenant name]   new data keys write from now on; needs DATABASE_URL
              rewrap                   encrypts all data keys by the newest master key; needs DATABASE_URL
  tenants   erase <tenant> --yes       ends its jobs and destroys its keys and files; needs DATABASE_URL and TEMPORAL_ADDRESS
  audit     prints what operators and admins have done, newest first, one JSON object a line; needs DATABASE_URL
              --tenant name                default: default
              --after, --before 2026-11-22T13:25:00Z
              --action api_key.create, --actor key_…, --target email_…
  bounce    takes a message of the bounce mailbox from standard input, as a pipe alias gives it (docs/email.md); needs DATABASE_URL
  limits    of a tenant, for the operator of the installation; needs DATABASE_URL
              list --tenant name                                   what counts, and who has set it
              set --tenant name requestsPerMinute 600              its tenant can only go below
              clear --tenant name requestsPerMinute                back to the default (HANDOFF_LIMIT_…)
                requestsPerMinute, openJobs, storedBytes, emailsPerDay or concurrentJobs.<job type>
  mail-providers   ways on which mail leaves; for the operator of the installation; needs TEMPORAL_ADDRESS
              list                                                 in their order, with their rates
              rate <name> --per-second 14 --bulk-per-second 10     of all workers together; 0 pauses, none lifts it
  config    checks the configuration and names everything that is wrong with it

Configuration comes from the environment: see .env.example.
`;

const say = (line: string) => {
  console.error(line);
};

interface Options extends KeyOptions, AuditOptions, RateOptions {
  queues?: string | undefined;
  keep?: string | undefined;
  yes?: boolean | undefined;
}

/** Modules are loaded by the command that needs them: the Temporal worker alone takes seconds. */
const services: Record<string, (scope: Scope, config: Config, log: Log, options: Options) => Promise<void>> = {
  dev: async (scope, config, log) => (await import('./dev.ts')).startDev(scope, config, log, say),
  api: async (scope, config, log) => (await import('./server.ts')).serveApi(scope, config, log, say),
  worker: async (scope, config, log, { queues }) => (await import('./server.ts')).serveWorker(scope, config, log, say, queues),
};

const tasks: Record<string, (config: Config, options: Options, operands: string[]) => Promise<void>> = {
  'keys create': async (config, options) => {
    const { key, id } = await (await import('./server.ts')).createKey(config, keyOrderOf(options));
    console.log(key);
    say(`Its id is ${id}. It is not shown again.`);
  },
  'keys list': async (config, { tenant }) => {
    console.log(keyTable(await (await import('./server.ts')).listKeys(config, tenantOf(tenant))));
  },
  'keys revoke': async (config, _options, [id]) => {
    if (id === undefined) throw new ConfigError('Which key? handoff keys revoke <key id>');
    await (await import('./server.ts')).revokeKey(config, id);
    say(`${id} stops working within 5 seconds.`);
  },
  'encryption key': async (_config, { keep }) => {
    await (await import('./encryption-command.ts')).makeMasterKey(keep, console.log, say);
  },
  'encryption rotate': async (config, { tenant }) => {
    await (await import('./encryption-command.ts')).rotateDataKeys(config, tenant === undefined ? undefined : tenantOf(tenant), say);
  },
  'encryption rewrap': async (config) => {
    await (await import('./encryption-command.ts')).rewrapDataKeys(config, say);
  },
  'tenants erase': async (config, { yes }, [tenant]) => {
    if (tenant === undefined) throw new ConfigError('Which tenant? handoff tenants erase <tenant> --yes');
    if (yes !== true) throw new ConfigError(`Nothing of ${tenantOf(tenant)} can be brought back afterwards. Repeat it with --yes.`);
    await (await import('./encryption-command.ts')).eraseTenant(config, tenantOf(tenant), say);
  },
  audit: async (config, options) => {
    await (
      await import('./server.ts')
    ).printAudit(config, options, (lines) => {
      console.log(lines);
    });
  },
  bounce: async (config) => {
    await (await import('./bounce-command.ts')).takeBounce(config, () => process.stdin, say);
  },
  'limits list': async (config, { tenant }) => {
    console.log(limitTable(await (await import('./server.ts')).listLimits(config, tenantOf(tenant)), config.limits));
  },
  'limits set': async (config, { tenant }, [name, value]) => {
    if (name === undefined || value === undefined)
      throw new ConfigError('Which limit? handoff limits set --tenant <name> <limit> <number>');
    await (await import('./server.ts')).setCeiling(config, tenantOf(tenant), name, limitValueOf(value));
    say('It counts within 5 seconds.');
  },
  'limits clear': async (config, { tenant }, [name]) => {
    if (name === undefined) throw new ConfigError('Which limit? handoff limits clear --tenant <name> <limit>');
    await (await import('./server.ts')).setCeiling(config, tenantOf(tenant), name, null);
    say('It counts within 5 seconds.');
  },
  'mail-providers list': async (config) => {
    console.log(await (await import('./mail-providers-command.ts')).listMailProviders(config, say));
  },
  'mail-providers rate': async (config, options, [name]) => {
    if (name === undefined) throw new ConfigError('Which provider? handoff mail-providers rate <name> --per-second 14');
    await (await import('./mail-providers-command.ts')).setMailRate(config, name, options, say);
  },
  config: () => {
    say('The configuration is usable.');
    return Promise.resolve();
  },
};

/** How many words follow a command. */
const operandsOf: Record<string, number> = {
  'keys revoke': 1,
  'limits set': 2,
  'limits clear': 1,
  'mail-providers rate': 1,
  'tenants erase': 1,
};

/** @returns the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        help: { type: 'boolean', short: 'h' },
        queues: { type: 'string' },
        tenant: { type: 'string' },
        scopes: { type: 'string' },
        expires: { type: 'string' },
        name: { type: 'string' },
        keep: { type: 'string' },
        'per-second': { type: 'string' },
        'bulk-per-second': { type: 'string' },
        yes: { type: 'boolean' },
        action: { type: 'string' },
        actor: { type: 'string' },
        target: { type: 'string' },
        after: { type: 'string' },
        before: { type: 'string' },
      },
    });
    const operands = positionals.splice(2, operandsOf[positionals.slice(0, 2).join(' ')] ?? 0);
    const command = positionals.join(' ');
    if (values.help || command === 'help' || command === '') {
      console.log(help);
      return values.help || command === 'help' ? 0 : 2;
    }
    const [service, task] = [services[command], tasks[command]];
    if (service === undefined && task === undefined) throw new ConfigError(`There is no command "${command}".\n\n${help}`);
    const config = loadConfig();
    const log = createLog(config.logLevel);
    if (service) await untilStopped((scope) => service(scope, config, log, values), { say });
    await task?.(config, values, operands);
    return 0;
  } catch (error) {
    const expected = error instanceof ConfigError || (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS') === true;
    say(expected || error instanceof Error ? (error as Error).message : 'Handoff ended with an unknown error');
    if (!expected && error instanceof Error && process.env['HANDOFF_LOG_LEVEL'] === 'debug') say(error.stack ?? '');
    // A mail server keeps the message for later only then (EX_TEMPFAIL of sysexits.h).
    return argv[0] === 'bounce' ? 75 : 1;
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href)
  process.exitCode = await main(process.argv.slice(2));
