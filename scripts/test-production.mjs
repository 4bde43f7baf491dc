#!/usr/bin/env node
// `npm run test:production`: see docs/production.md.
import { fileURLToPath } from 'node:url';

import '../test/support/register-ts.mjs';
import { build } from './build.mjs';
import { ensureInstalled } from './install.mjs';
import { findTemporalCli } from './temporal-cli.mjs';

const help = `npm run test:production

Starts two api and two worker processes with the commands and the environment of docker-compose.yml against a real Temporal
server on a real PostgreSQL, runs each job type, and kills one of each in the middle. It takes some minutes.

  TEMPORAL_ADDRESS, DATABASE_URL   that server, and a PostgreSQL user that may create databases
  HANDOFF_PRODUCTION_TEMPORAL      instead: a command that starts both and prints \`export NAME=value\` for the two`;

if (process.argv.length > 2) {
  console.log(help);
  process.exit(process.argv.includes('--help') || process.argv.includes('-h') ? 0 : 2);
}
process.chdir(fileURLToPath(new URL('..', import.meta.url)));
await ensureInstalled({ dev: true });
await build();
const { main } = await import('../test/production/main.ts');
process.exit(await main(() => findTemporalCli()));
