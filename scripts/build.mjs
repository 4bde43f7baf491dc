import { createHash } from 'node:crypto';
import { chmod, copyFile, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const projectRoot = fileURLToPath(new URL('..', import.meta.url));
const sourceFolders = ['workflows', 'activities', 'src'];
const stampName = '.build.json';

/**
 * Compiles the sources to dist/ and bundles the workflows to dist/workflow-bundle.js, unless dist/ is up to date.
 * Types are not checked here: `npm run check` does that, and a start should not wait for it.
 *
 * @param {{ force?: boolean, root?: string, log?: (line: string) => void }} [options]
 * @returns {Promise<'built' | 'up to date'>}
 */
export async function build({ force = false, root = projectRoot, log = console.error } = {}) {
  const sources = await listSources(root);
  const hash = await hashOf(root, [...sources, 'package.json', 'scripts/build.mjs']);
  const dist = join(root, 'dist');
  if (!force && (await readStamp(dist)) === hash) return 'up to date';

  log('Building: compiling and bundling takes some seconds.');
  await removeAbandoned(root);
  // Built aside and put in place by rename: what is called dist/ is whole at any time. The name inside is `dist` because git ignores it.
  const workshop = join(root, `${workshopPrefix}${process.pid}`);
  const fresh = join(workshop, 'dist');
  try {
    await compile(root, sources, fresh);
    await bundleWorkflows(root, fresh);
    await writeFile(join(fresh, stampName), `${JSON.stringify({ hash })}\n`);
    await replace(dist, fresh, join(workshop, 'old', 'dist'));
  } finally {
    await rm(workshop, { recursive: true, force: true });
  }
  return 'built';
}

async function listSources(root) {
  const found = [];
  for (const folder of sourceFolders) {
    for (const entry of await readdir(join(root, folder), { recursive: true, withFileTypes: true })) {
      if (entry.isFile() && !entry.name.endsWith('.d.ts')) found.push(relative(root, join(entry.parentPath ?? entry.path, entry.name)));
    }
  }
  return found.sort();
}

async function hashOf(root, files) {
  const hash = createHash('sha256').update(`node ${process.versions.node.split('.')[0]}\n`);
  for (const file of files) {
    const content = await readFile(join(root, file));
    hash.update(`${file} ${content.length}\n`).update(content);
  }
  return hash.digest('hex');
}

async function readStamp(dist) {
  try {
    return JSON.parse(await readFile(join(dist, stampName), 'utf8')).hash;
  } catch {
    return undefined;
  }
}

async function compile(root, sources, target) {
  const { transform } = await import('@swc/core');
  const one = async (file) => {
    const output = join(target, file);
    await mkdir(dirname(output), { recursive: true });
    // Pages and the like go along as they are.
    if (!file.endsWith('.ts')) return await copyFile(join(root, file), output);
    const source = await readFile(join(root, file), 'utf8');
    const { code, map } = await transform(source, {
      // From dist/ to the source, for the source map.
      filename: file,
      sourceFileName: relative(dirname(join(root, 'dist', file)), join(root, file)),
      swcrc: false,
      configFile: false,
      sourceMaps: true,
      jsc: {
        parser: { syntax: 'typescript' },
        target: 'es2022',
        keepClassNames: true,
        rewriteRelativeImportExtensions: true,
        experimental: { keepImportAttributes: true },
      },
      module: { type: 'es6' },
    });
    const script = output.replace(/\.ts$/, '.js');
    const mapName = `${script.slice(script.lastIndexOf('/') + 1)}.map`;
    await writeFile(script, `${code}//# sourceMappingURL=${mapName}\n`);
    await writeFile(`${script}.map`, map);
    if (source.startsWith('#!')) await chmod(script, 0o755);
  };
  await Promise.all(sources.map(one));
}

/** From the sources, as the tests do, and because the bundle names the files it was made from: dist/ has another name yet. */
async function bundleWorkflows(root, target) {
  // 4 s to load: only here, where it has to be.
  const { bundleWorkflowCode, DefaultLogger } = await import('@temporalio/worker');
  const { code } = await bundleWorkflowCode({
    workflowsPath: join(root, 'workflows', 'all.ts'),
    failureConverterPath: join(root, 'workflows', 'failure-converter.cjs'),
    logger: new DefaultLogger('WARN'),
  });
  await writeFile(join(target, 'workflow-bundle.js'), code);
}

async function replace(dist, fresh, old) {
  await mkdir(dirname(old), { recursive: true });
  await rename(dist, old).catch((error) => {
    if (error.code !== 'ENOENT') throw error;
  });
  await rename(fresh, dist);
}

const workshopPrefix = '.build-';

/** What killed builds left behind. */
async function removeAbandoned(root) {
  for (const name of await readdir(root)) {
    const pid = name.startsWith(workshopPrefix) ? Number(name.slice(workshopPrefix.length)) : NaN;
    if (Number.isInteger(pid) && !isAlive(pid)) await rm(join(root, name), { recursive: true, force: true });
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const outcome = await build({ force: process.argv.includes('--force') });
  console.error(outcome === 'built' ? 'Built dist/.' : 'dist/ is up to date.');
}
