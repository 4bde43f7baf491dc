import { startDevServer } from '../../src/temporal/dev-server.ts';

// A process that runs a Temporal dev server and does nothing to end it: tests kill it.
const [cli = '', port, dataDir = ''] = process.argv.slice(2);
await startDevServer({
  cli,
  port: Number(port),
  dataDir,
  log: (line) => {
    console.error(line);
  },
});
process.send?.('ready');
