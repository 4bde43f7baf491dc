import { randomUUID } from 'node:crypto';

import { tenantTag } from '../../src/jobs/ids.ts';
import { type Belongings, belongingsOf, clientOf, type TenantClient } from './belongings.ts';
import { reply, startMailServer } from './mail-server.ts';
import { startS3, storageOf } from './s3.ts';
import { startSystem, type TestApiProcess, type TestSystem } from './system.ts';

/** Two tenants whose ids look alike: the tag has 30 bits, so among some ten thousand names two have the same. */
function namesakes(prefix: string): [string, string] {
  const seen = new Map<string, string>();
  for (let number = 0; ; number++) {
    const tenant = `${prefix}-${String(number)}`;
    const before = seen.get(tenantTag(tenant));
    if (before !== undefined) return [before, tenant];
    seen.set(tenantTag(tenant), tenant);
  }
}

export const strangers = ['the same tag', 'another tag'] as const;
/** By what their ids have. */
export type Stranger = (typeof strangers)[number];

export interface Tenant extends TenantClient {
  tenant: string;
  /** With all scopes. */
  key: string;
}

export interface Tenants {
  system: TestSystem;
  api: TestApiProcess;
  own: Tenant;
  belongings: Belongings;
  foreign: Record<Stranger, Tenant>;
  close(): Promise<void>;
}

/** A tenant that has something of everything, and two that have nothing. No worker serves operations: a bulk action goes on and on. */
export async function startTenants(taskQueue: string): Promise<Tenants> {
  const mail = await startMailServer({
    onRcptTo({ address }, _session, callback) {
      if (address.startsWith('later')) callback(reply(451, '4.7.1 Come back later'));
      else callback(address.startsWith('never') ? reply(550, '5.1.1 No such user') : undefined);
    },
  });
  const only = ['email', 'report', 'upload'] as const;
  // Only there do clients upload to the storage itself.
  const s3 = await startS3();
  const system = await startSystem({ taskQueue, smtpUrl: `smtp://127.0.0.1:${String(mail.port)}`, only, storage: storageOf(s3) });
  const api = await system.startApi();
  const [owner, namesake] = namesakes(`owner-${randomUUID().slice(0, 8)}`);
  const client = async (tenant: string): Promise<Tenant> => {
    const key = await api.keyOf(tenant);
    return { tenant, key, ...clientOf(api.port, key) };
  };
  const own = await client(owner);
  return {
    system,
    api,
    own,
    belongings: await belongingsOf(own),
    foreign: { 'the same tag': await client(namesake), 'another tag': await client(`distant-${randomUUID().slice(0, 8)}`) },
    async close() {
      await system.close();
      await s3.close();
      await mail.close();
    },
  };
}
