import { expect } from '@jest/globals';

import type { ConcurrencyLimits } from '../../src/jobs/concurrency.ts';
import { limitIdFor } from '../../src/jobs/ids.ts';
import type { Job, JobStatus } from '../../src/jobs/job.ts';
import type { JobOptions } from '../../src/jobs/options.ts';
import { eventually } from './eventually.ts';
import { startMailServer } from './mail-server.ts';
import { emailTo } from './parking.ts';
import { startSystem } from './system.ts';

/** A system without workers, with limits on concurrent jobs, whose mail server holds each delivery until the test lets it go. */
export async function startLimitedSystem(taskQueue: string) {
  const limits = new Map<string, number>();
  const port: ConcurrencyLimits = { concurrentJobs: (tenant, type) => Promise.resolve(limits.get(`${tenant} ${type}`)) };
  /** Addresses whose delivery has begun, in that order; the first part of each is its tenant's. */
  const begun: string[] = [];
  const atWork = new Map<string, (error?: Error) => void>();
  /** The most deliveries at once, by tenant. */
  const most = new Map<string, number>();
  const tenantOf = (address: string) => address.split('-')[0] ?? '';
  const working = (tenant: string) => [...atWork.keys()].filter((address) => tenantOf(address) === tenant);
  const mail = await startMailServer({
    onRcptTo({ address }, _session, callback) {
      begun.push(address);
      atWork.set(address, callback);
      const tenant = tenantOf(address);
      most.set(tenant, Math.max(most.get(tenant) ?? 0, working(tenant).length));
    },
  });
  const system = await startSystem({ taskQueue, smtpUrl: `smtp://127.0.0.1:${String(mail.port)}`, only: [], limits: port });
  const handle = (id: string) => system.link.client().workflow.getHandle(id);

  async function look(tenant: string, id: string): Promise<Job> {
    const job = await system.jobs.get(tenant, id);
    if (job === undefined) throw new Error('no such job');
    return job;
  }

  async function untilStatus(tenant: string, id: string, status: JobStatus): Promise<Job> {
    return eventually(
      async () => {
        const job = await look(tenant, id);
        expect(job).toMatchObject({ status });
        return job;
      },
      { every: 100 },
    );
  }

  return {
    ...system,
    begun,
    most,
    mail,
    handle,
    look,
    untilStatus,
    working,

    /** As the store of limits will do it: first stored, then told. */
    async limit(tenant: string, to: number | undefined, { tell = true } = {}): Promise<void> {
      if (to === undefined) limits.delete(`${tenant} email`);
      else limits.set(`${tenant} email`, to);
      if (tell) await system.jobs.limitChanged(tenant, 'email', to);
    },

    /** The workflow that keeps the limit. */
    keeper: (tenant: string) => handle(limitIdFor(tenant, 'email')),

    async send(tenant: string, name: string, options: JobOptions = {}): Promise<string> {
      const { job } = await system.submit('email', emailTo(`${tenant}-${name}@example.com`), { tenant, options });
      return job.id;
    },

    /** Jobs that are being delivered, by name. */
    async untilAtWork(tenant: string, ...names: string[]): Promise<void> {
      await eventually(
        () => {
          expect(working(tenant).sort()).toEqual(names.map((name) => `${tenant}-${name}@example.com`).sort());
        },
        { every: 50 },
      );
    },

    /** The job is in the line, with so many before it. */
    async untilInLine(tenant: string, id: string, facts: object = {}) {
      return eventually(
        async () => {
          const explanation = await system.jobs.explain(tenant, id);
          const reason = explanation?.because.find(({ code }) => code === 'waiting_for_place');
          expect([explanation?.status, reason]).toMatchObject(['queued', { facts }]);
          return explanation;
        },
        { every: 100 },
      );
    },

    /** Types of the events of a run, in order. */
    async eventsOf(id: string): Promise<string[]> {
      const { events } = await handle(id).fetchHistory();
      return (events ?? []).flatMap((event) =>
        Object.entries(event).flatMap(([key, value]) => (key.endsWith('EventAttributes') && value != null ? [key.slice(0, -15)] : [])),
      );
    },

    /** By name, in the order in which they began. */
    namesAtWork: (tenant: string): string[] => working(tenant).map((address) => address.slice(tenant.length + 1, address.indexOf('@'))),

    /** Ends a delivery. */
    letGo(tenant: string, name: string, error?: Error): void {
      const address = `${tenant}-${name}@example.com`;
      const answer = atWork.get(address);
      atWork.delete(address);
      answer?.(error);
    },

    async close(): Promise<void> {
      for (const answer of atWork.values()) answer();
      await system.close();
      await mail.close();
    },
  };
}
