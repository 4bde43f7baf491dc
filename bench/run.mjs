// `npm run bench`: the benchmarks are TypeScript and run from source; what they measure is the build.
import { register } from 'node:module';

import { build } from '../scripts/build.mjs';

register('../test/support/load-ts.mjs', import.meta.url);
const { main } = await import('./main.ts');
process.exitCode = await main(process.argv.slice(2), build);
