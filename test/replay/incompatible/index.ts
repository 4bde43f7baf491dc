import { sleep } from '@temporalio/workflow';

import { sendEmail as compatible } from '../../../workflows/index.ts';

/** A deliberately broken change to a workflow with runs in flight: it waits before its first step. */
export async function sendEmail(args: Parameters<typeof compatible>[0]): ReturnType<typeof compatible> {
  await sleep('1 second');
  return compatible(args);
}
