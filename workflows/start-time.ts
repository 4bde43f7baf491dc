import {
  ApplicationFailure,
  condition,
  defineUpdate,
  setHandler,
  upsertMemo,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';

import type { JobArgs } from '../src/jobs/definition.ts';
import type { Edit } from '../src/jobs/messages.ts';

// eslint-disable-next-line @typescript-eslint/no-invalid-void-type -- an update that answers nothing
const editUpdate = defineUpdate<void, [Edit]>('editUpdate');

export interface Begun<Input> {
  input: Input;
  /** Milliseconds since 1970: work that has not begun by then must not begin any more. */
  deadline: number | undefined;
  /** As it was changed before the job began; undefined: as the run has it. */
  priority: number | undefined;
}

/** @throws as failure of the job: nobody began in time, nothing was done. */
export function expired(): ApplicationFailure {
  return ApplicationFailure.create({ type: 'expired', message: 'No worker began the job within ttlSeconds.', nonRetryable: true });
}

/**
 * Waits for the start time, and takes changes of the job until then. Temporal's start delay bears most of the wait without
 * a worker; an update ends it early, and then the rest is waited for here. Installs its handler at once: call it before the first await.
 */
export function untilStartTime<Input>({ input, options = {} }: JobArgs<Input>): Promise<Begun<Input>> {
  const startAt = options.startAt === undefined ? undefined : Date.parse(options.startAt);
  const current = { input, startAt, ttlSeconds: options.ttlSeconds, priority: undefined as number | undefined };
  let edits = 0;
  let begun = false;

  setHandler(
    editUpdate,
    (edit: Edit) => {
      if (edit.startAt !== undefined) current.startAt = Date.parse(edit.startAt);
      if (edit.ttlSeconds !== undefined) current.ttlSeconds = edit.ttlSeconds ?? undefined;
      if (edit.priority !== undefined) current.priority = edit.priority;
      if (edit.input !== undefined)
        current.input = (edit.merge === true ? { ...current.input, ...(edit.input as object) } : edit.input) as Input;
      if (edit.labels !== undefined) upsertSearchAttributes({ HandoffLabels: edit.labels });
      // Temporal refuses an empty change.
      if (Object.keys(edit.memo).length > 0) upsertMemo(edit.memo);
      edits += 1;
    },
    {
      // eslint-disable-next-line @typescript-eslint/no-unused-vars -- its type tells what the handler takes
      validator: (_edit: Edit) => {
        if (begun) throw ApplicationFailure.nonRetryable('The job has begun.', 'job_not_scheduled');
      },
    },
  );

  async function wait(): Promise<Begun<Input>> {
    try {
      while (current.startAt !== undefined && Date.now() < current.startAt) {
        const seen = edits;
        await condition(() => edits > seen, current.startAt - Date.now());
      }
    } finally {
      begun = true;
      // Only scheduled jobs have it: others write nothing here.
      if (startAt !== undefined) upsertSearchAttributes({ HandoffState: [] });
    }
    const from = current.startAt ?? workflowInfo().startTime.getTime();
    const deadline = current.ttlSeconds === undefined ? undefined : from + current.ttlSeconds * 1000;
    return { input: current.input, deadline, priority: current.priority };
  }
  return wait();
}
