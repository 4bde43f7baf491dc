import type { MaintenanceResult } from '../src/jobs/maintenance.ts';
import { activity } from './policies.ts';

const options = { summary: undefined, retry: undefined, scheduleToStartTimeout: undefined };

/**
 * Started by a schedule, each hour. What has expired goes first, then the bytes that nothing refers to any more; the ledger of
 * deliveries has to do with neither.
 */
export async function maintainStorage(): Promise<MaintenanceResult> {
  async function files() {
    const expired = await activity('expireFiles', options)();
    return { ...expired, ...(await activity('sweepStorage', options)()) };
  }
  const [ofFiles, ofLedger] = await Promise.allSettled([files(), activity('sweepDeliveries', options)()]);
  if (ofFiles.status === 'rejected') throw ofFiles.reason as Error;
  if (ofLedger.status === 'rejected') throw ofLedger.reason as Error;
  return { ...ofFiles.value, ...ofLedger.value };
}
