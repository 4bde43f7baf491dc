// `npm run openapi`: writes the OpenAPI document, and what is made from it, into client/.
import { readFile, writeFile } from 'node:fs/promises';
import { register } from 'node:module';
import openapiTS, { astToString } from 'openapi-typescript';
import ts from 'typescript';

const help = `npm run openapi [-- --check]

Writes client/openapi.json and client/schema.ts from the schemas in src/.

--check  writes nothing, fails when a file is not what would be written`;

const header = '// Made by `npm run openapi` from the schemas in src/. Do not edit.\n';

/** Bytes in a multipart body, or an answer: the default would be a string. */
function blobForBinary({ type, format }) {
  return type === 'string' && format === 'binary' ? ts.factory.createTypeReferenceNode('Blob') : undefined;
}

async function generated() {
  register('../test/support/load-ts.mjs', import.meta.url);
  const { openApiDocument } = await import('../src/http/openapi.ts');
  const document = `${JSON.stringify(openApiDocument(), null, 2)}\n`;
  const types = astToString(await openapiTS(JSON.parse(document), { transform: blobForBinary, defaultNonNullable: false, silent: true }));
  return { 'client/openapi.json': document, 'client/schema.ts': `${header}${types}` };
}

async function main(args) {
  const unknown = args.find((arg) => !['--check', '--help', '-h'].includes(arg));
  if (unknown !== undefined || args.includes('--help') || args.includes('-h')) {
    console.log(unknown === undefined ? help : `Unknown: ${unknown}\n\n${help}`);
    return unknown === undefined ? 0 : 2;
  }
  const top = new URL('..', import.meta.url);
  const stale = [];
  for (const [path, text] of Object.entries(await generated())) {
    if ((await readFile(new URL(path, top), 'utf8').catch(() => '')) === text) continue;
    stale.push(path);
    if (!args.includes('--check')) await writeFile(new URL(path, top), text);
  }
  if (!args.includes('--check')) {
    console.log(stale.length === 0 ? 'client/ was up to date.' : `Written: ${stale.join(', ')}`);
    return 0;
  }
  if (stale.length > 0) console.error(`${stale.join(' and ')}: not what the sources say. Run "npm run openapi", and commit the result.`);
  return stale.length === 0 ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
