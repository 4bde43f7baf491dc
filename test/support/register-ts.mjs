// Runs the sources without a build, in worker threads too: node --import ./test/support/register-ts.mjs src/cli.ts
import { register } from 'node:module';

register('./load-ts.mjs', import.meta.url);
