import { proxyActivities, workflowInfo } from '@temporalio/workflow';

import type { BareActivities, BareMail } from './activities.ts';

const timeouts = { startToCloseTimeout: '1 minute' } as const;

/** A workflow with one activity, as short as it can be. */
export async function sendOne(mail: BareMail): Promise<string> {
  return proxyActivities<BareActivities>(timeouts).send(mail);
}

/** The same, with the activity on a Task Queue of its own: as the product does it, so that priorities and limits hold. */
export async function sendOneApart(mail: BareMail): Promise<string> {
  return proxyActivities<BareActivities>({ ...timeouts, taskQueue: `${workflowInfo().taskQueue}-activities` }).send(mail);
}

/** The activity does nothing. */
export async function doNothing(): Promise<void> {
  await proxyActivities<BareActivities>(timeouts).nothing();
}
