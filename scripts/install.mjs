import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { runCommand } from './run-command.mjs';

const projectRoot = fileURLToPath(new URL('..', import.meta.url));

/** Throws when this Node is too old for the packages we pin (package.json: engines). */
export function assertNodeVersion(version = process.versions.node) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  throw new Error(`Handoff needs Node.js 20.19 or newer; this is ${version}.`);
}

/**
 * Brings node_modules up to date with package.json: nothing to do in most cases, `npm install` otherwise.
 *
 * Development packages, once in, stay in: `dev: false` says what is needed, not what to take away.
 *
 * @param {{ dev: boolean, root?: string, log?: (line: string) => void }} options
 * @returns {Promise<'installed' | 'up to date'>}
 */
export async function ensureInstalled({ dev, root = projectRoot, log = console.error }) {
  assertNodeVersion();
  const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  const hash = await inputHash(root);
  const stamp = await readStamp(root);
  const withDev = dev || (stamp?.dev ?? (await hasDevPackages(root)));
  if (stamp?.hash === hash && stamp.dev === withDev && allPresent(root, manifest, withDev)) return 'up to date';

  log(`Installing packages${withDev ? ', development tools included' : ''}: a few minutes the first time, seconds later.`);
  // Before npm starts: an install that was cut off must not look like a finished one.
  await writeStamp(root, { hash: 'incomplete', dev: withDev });
  // Said explicitly both ways, because NODE_ENV=production would leave the development packages out.
  const { code, output } = await runCommand('npm', ['install', withDev ? '--include=dev' : '--omit=dev'], {
    cwd: root,
    log,
    what: 'npm install',
  });
  if (code !== 0) {
    throw new Error(
      `npm install failed${code === null ? '' : ` (code ${code})`}. Its last lines:\n\n${output}\n\nRepair the cause and start again; what is already there is kept.`,
    );
  }
  await writeStamp(root, { hash, dev: withDev });
  return 'installed';
}

async function inputHash(root) {
  const hash = createHash('sha256').update(`node ${process.versions.node.split('.')[0]}\n`);
  for (const name of ['package.json', '.npmrc']) hash.update(`${name}\n`).update(await readFile(join(root, name)).catch(() => ''));
  return hash.digest('hex');
}

const stampPath = (root) => join(root, 'node_modules', '.handoff-install.json');

async function readStamp(root) {
  return await readJson(stampPath(root));
}

async function writeStamp(root, stamp) {
  await mkdir(join(root, 'node_modules'), { recursive: true });
  await writeFile(stampPath(root), `${JSON.stringify(stamp)}\n`);
}

/** For a node_modules that npm filled without us: npm's own record tells whether development packages are in. */
async function hasDevPackages(root) {
  const record = await readJson(join(root, 'node_modules', '.package-lock.json'));
  return Object.values(record?.packages ?? {}).some((entry) => entry.dev === true);
}

/** Someone may have removed packages by hand; the stamp can't know. */
function allPresent(root, manifest, withDev) {
  const names = Object.keys({ ...manifest.dependencies, ...(withDev ? manifest.devDependencies : {}) });
  return names.every((name) => existsSync(join(root, 'node_modules', name, 'package.json')));
}

async function readJson(path) {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch {
    return undefined;
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await ensureInstalled({ dev: process.argv.includes('--dev') });
}
