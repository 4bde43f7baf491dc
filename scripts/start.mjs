// `npm start`: installs, builds, finds Temporal, then becomes the product. It stays one process: signals need no forwarding.
import { build } from './build.mjs';
import { ensureInstalled } from './install.mjs';
import { findTemporalCli } from './temporal-cli.mjs';

const help = `npm start: runs all of Handoff on this machine, Temporal, database and a mail catcher included.

It installs what is missing, builds, and then prints addresses, an API key and a first request. Ctrl-C stops it.

  HANDOFF_PORT              3000      the HTTP API
  HANDOFF_TEMPORAL_PORT     7233      Temporal
  HANDOFF_TEMPORAL_UI_PORT  8233      Temporal's Web UI
  HANDOFF_SMTP_PORT         1025      the mail catcher
  HANDOFF_DATA_DIR          .handoff  everything that must survive a restart
  TEMPORAL_ADDRESS          -         use this Temporal server and start none
  HANDOFF_TEMPORAL_CLI      -         use this Temporal CLI and fetch none

All settings: .env.example. After a build, single parts run by \`node dist/src/cli.js\`; \`node dist/src/cli.js --help\` lists them.`;

async function start(args) {
  if (args.includes('--help') || args.includes('-h')) {
    console.log(help);
    return;
  }
  await ensureInstalled({ dev: false });
  await build();
  if (!process.env.TEMPORAL_ADDRESS && !process.env.TEMPORAL_ADDRESS_FILE) {
    process.env.HANDOFF_TEMPORAL_CLI = await findTemporalCli();
  }
  console.error('Starting Handoff.');
  const { main } = await import('../dist/src/cli.js');
  process.exit(await main(['dev', ...args]));
}

try {
  await start(process.argv.slice(2));
} catch (error) {
  // A message of ours says all there is to say; the trace is for the rest.
  console.error(process.env.HANDOFF_DEBUG ? error : `\n${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
}
