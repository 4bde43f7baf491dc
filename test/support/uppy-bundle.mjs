// `node uppy-bundle.mjs DIRECTORY`: what a page would get from its bundler, Uppy and its plug-in for tus as globals, in `uppy.js` there.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import webpack from 'webpack';

const [, , directory = '.'] = process.argv;
const entry = join(directory, 'entry.js');
writeFileSync(entry, `import Uppy from '@uppy/core';\nimport Tus from '@uppy/tus';\nObject.assign(globalThis, { Uppy, Tus });\n`);
const modules = [fileURLToPath(new URL('../../node_modules', import.meta.url))];
const output = { path: directory, filename: 'uppy.js' };
webpack({ mode: 'development', devtool: false, entry, resolve: { modules }, output }, (error, stats) => {
  if (!error && stats?.hasErrors() === false) return;
  console.error(error ?? stats?.toString());
  process.exitCode = 1;
});
