import { describe, expect, test } from '@jest/globals';
import { ActivityFailure, ApplicationFailure, CancelledFailure, ChildWorkflowFailure, TimeoutFailure } from '@temporalio/common';

import { errorCodes } from '../../../src/errors.ts';
import { jobErrorOf } from '../../../src/jobs/job-error.ts';

const failure = (type: string, message = 'in our words', details?: unknown[]) =>
  ApplicationFailure.create({ type, message, ...(details && { details }) });
const inActivity = (cause: Error) =>
  new ActivityFailure('Activity task failed', 'deliverEmail', '1', 'MAXIMUM_ATTEMPTS_REACHED', undefined, cause);
const unknown = { code: 'job_failed', message: 'The step failed unexpectedly; the Temporal history of this job has the cause.' };

describe('the error of a job', () => {
  test.each(errorCodes)('keeps our code %s and its message', (code) => {
    expect(jobErrorOf(failure(code))).toEqual({ code, message: 'in our words' });
  });

  test('is found within an activity failure', () => {
    expect(jobErrorOf(inActivity(failure('mail_rejected', '550 no')))).toEqual({ code: 'mail_rejected', message: '550 no' });
  });

  test('is found within a child workflow, too', () => {
    const cause = inActivity(failure('mail_rejected'));
    const execution = { workflowId: 'w', runId: 'r' };
    expect(jobErrorOf(new ChildWorkflowFailure('default', execution, 'sendEmail', 'NON_RETRYABLE_FAILURE', cause))).toMatchObject({
      code: 'mail_rejected',
    });
  });

  test('is the outermost of ours: the workflow says it better than its step', () => {
    const cause = inActivity(failure('mail_rejected', '550'));
    expect(jobErrorOf(ApplicationFailure.create({ type: 'mail_rejected', message: '1 of 3', cause }))).toMatchObject({ message: '1 of 3' });
  });

  test('is looked for below a failure of another type', () => {
    const outer = ApplicationFailure.create({ type: 'Error', message: 'x', cause: failure('source_unreadable') });
    expect(jobErrorOf(outer)).toMatchObject({ code: 'source_unreadable' });
  });

  test('has the details when they are an object, and no others', () => {
    expect(jobErrorOf(failure('mail_rejected', 'x', [{ messages: [1] }]))).toMatchObject({ details: { messages: [1] } });
    for (const odd of [['a'], 'text', 7, null]) expect(jobErrorOf(failure('mail_rejected', 'x', [odd]))).not.toHaveProperty('details');
  });

  test('is a time-out when the step timed out, whichever way', () => {
    for (const type of ['START_TO_CLOSE', 'SCHEDULE_TO_CLOSE', 'HEARTBEAT', 'SCHEDULE_TO_START'] as const) {
      const error = jobErrorOf(inActivity(new TimeoutFailure('activity timed out', undefined, type)));
      expect(error).toMatchObject({ code: 'timed_out' });
      expect(error.message).toContain(type);
    }
  });

  test.each([
    ['a plain error', new Error('password=hunter2')],
    ["an activity's plain error", inActivity(ApplicationFailure.create({ type: 'TypeError', message: 'password=hunter2' }))],
    ['a type that only looks like ours', failure('Mail_Rejected', 'password=hunter2')],
    ['an inherited property', failure('constructor', 'password=hunter2')],
    ['a cancellation', new CancelledFailure('password=hunter2')],
    ['one of ours below a plain error', Object.assign(new Error('hunter2'), { cause: failure('mail_rejected', 'hunter2') })],
  ])('shows nothing of %s', (_what, error) => {
    expect(jobErrorOf(error)).toEqual(unknown);
  });
});
