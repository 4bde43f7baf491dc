import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { type Checks, createChecks } from './checks.ts';
import { askHealthCheck, type Cluster, replaced, startCluster, untilReady } from './cluster.ts';
import { crash } from './crash.ts';
import { createApi, status } from './http.ts';
import { openMailbox } from './mailbox.ts';
import type { Process } from './processes.ts';
import { tellStory } from './story.ts';
import { assertSettings, prepareSurroundings } from './surroundings.ts';
import { viewTemporal } from './temporal-view.ts';

/** Of a graceful stop: the grace time of the compose file and what the machine may add, in milliseconds. */
const stopMs = 120_000;

async function stopAll(left: readonly Process[]): Promise<void> {
  for (const one of left) one.kill('SIGTERM');
  const late = new Promise<string>((resolve) => setTimeout(resolve, stopMs, 'still running').unref());
  assert.deepEqual(
    await Promise.all(left.map(async (one) => `${one.name}: ${await Promise.race([one.ended, late])}`)),
    left.map((one) => `${one.name}: exit 0`),
  );
  for (const { pid } of left) assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
  for (const { url } of left) await assert.rejects(status(`${url}/livez`));
}

async function everything(checks: Checks, cli: string, runDir: string): Promise<void> {
  const { check, say } = checks;
  const run = Date.now().toString(36);
  const surroundings = await prepareSurroundings(cli, runDir, run);
  const mailbox = await openMailbox();
  let cluster: Cluster | undefined;
  try {
    say(`        Temporal ${surroundings.temporalAddress}, namespace ${surroundings.namespace}`);
    say(`        from docker-compose.yml, but for ${replaced.join(', ')}`);
    const running = (cluster = await startCluster({ surroundings, smtpPort: mailbox.port, runDir }));
    await check('two api and two worker processes get ready, all started at once on an empty database', () => untilReady(running.all));
    await check('the health checks of the compose file find all four healthy', async () => {
      for (const api of running.apis) await askHealthCheck('api', api);
      for (const worker of running.workers) await askHealthCheck('worker', worker);
    });
    const key = await check('`keys create` prints a key', async () => {
      const printed = await running.createKey(`run-${run}`);
      assert.match(printed, /^\S{16,}$/);
      return printed;
    });
    const apis: [ReturnType<typeof createApi>, ReturnType<typeof createApi>] = [
      createApi(running.apis[0].url, key),
      createApi(running.apis[1].url, key),
    ];
    await tellStory({ checks, apis, mailbox });
    const temporal = await viewTemporal(surroundings.temporalAddress, surroundings.namespace);
    const left = await crash({ checks, cluster, apis, key, mailbox, temporal }).finally(() => temporal.close());
    await check('the health check finds the killed API unhealthy', () => assert.rejects(askHealthCheck('api', running.apis[0])));
    await check('SIGTERM ends the rest with exit code 0 and leaves no process', () => stopAll(left));
    await surroundings.remove();
  } catch (error) {
    for (const one of cluster?.all ?? []) say(`last lines of ${one.name}:\n${one.lastWords()}`);
    throw error;
  } finally {
    for (const one of cluster?.all ?? []) one.kill('SIGKILL');
    await mailbox.close();
  }
}

/** `cli`: finds the Temporal CLI. @returns the exit code. */
export async function main(cli: () => Promise<string>): Promise<number> {
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)
    process.once(signal, () => process.exit(code));
  const checks = createChecks((line) => {
    console.log(line);
  });
  let broken = false;
  let runDir: string | undefined;
  try {
    assertSettings(process.env);
    runDir = mkdtempSync(join(tmpdir(), 'handoff-production-'));
    await everything(checks, await cli(), runDir);
    rmSync(runDir, { recursive: true, force: true });
  } catch (error) {
    broken = true;
    // A failed check has been told already.
    if (checks.totals().failed === 0) console.error(error instanceof Error ? error.message : error);
    if (runDir !== undefined) console.error(`Logs and files: ${runDir}`);
  }
  const { passed, failed } = checks.totals();
  console.log(`${String(passed)} passed, ${String(broken && failed === 0 ? 1 : failed)} failed`);
  return broken || failed > 0 ? 1 : 0;
}
