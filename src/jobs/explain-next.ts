import type { Action, Advice, ExplanationCode, Reason } from './explanation.ts';
import type { Job } from './job.ts';

/** Of a reason's facts, what advice needs. */
interface Place {
  taskQueue?: string;
  step?: string;
  activityId?: string;
}

const wait = (text: string): Advice[] => [{ text, action: null }];
const doing = (text: string, action: Action): Advice => ({ text, action });

const cancel = doing('Cancel the job.', 'cancel');
const submitAgain = 'Send it again as a new job, with another Idempotency-Key, if it is still wanted.';

/**
 * Workers serve groups of activities, whose queues are called `<queue of the workflows>-<group>`, and those of the lanes of further
 * mail providers `<queue of the workflows>-<group>-<provider>`.
 */
function workerCommand({ taskQueue = '', step }: Place): string {
  const group = /-((?:bulk-)?email)(?:-|$)/.exec(taskQueue)?.[1] ?? taskQueue.slice(taskQueue.lastIndexOf('-') + 1);
  return step === undefined ? 'handoff worker' : `handoff worker --queues ${group}`;
}

function unlimited({ taskQueue = '', step }: Place): Action {
  const type = step === undefined ? 'workflow' : 'activity';
  return { command: `temporal task-queue config set --task-queue ${taskQueue} --task-queue-type ${type} --queue-rps-limit default` };
}

const advice: Record<ExplanationCode, (place: Place, job: Pick<Job, 'id' | 'status'>) => Advice[]> = {
  completed: () => [doing('Read its result.', 'read')],
  failed: () => [doing('Read its error.', 'read'), ...wait(submitAgain)],
  cancelled: () => [doing('Read what was done before.', 'read')],
  expired: () => wait(submitAgain),
  expired_unstarted: () => wait(submitAgain),
  stuck_workflow_task: (_place, { id }) => [
    doing('Look for the error in the history of the workflow.', { command: `temporal workflow show --workflow-id ${id}` }),
    ...wait('Deploy workers whose workflow code works and fits this history: the job goes on by itself then.'),
  ],
  no_worker: (place) => [doing('Start a worker; any worker serves the workflows.', { command: workerCommand(place) })],
  parked: () => [
    doing('Remove the cause, then retry: it goes on with the step that failed.', 'retry'),
    doing('Or give it up: it is closed as failed.', 'discard'),
  ],
  no_step_worker: (place) => [doing('Start a worker that serves these activities.', { command: workerCommand(place) })],
  queue_paused: (place) => [doing('Let the Task Queue go on.', unlimited(place))],
  step_paused: ({ activityId = '' }, { id }) => [
    doing('Let the step go on.', { command: `temporal activity unpause --workflow-id ${id} --activity-id ${activityId}` }),
  ],
  cancelling_not_heard: () => wait('Wait until the step ends or is taken back.'),
  cancelling_waits_for_worker: () => wait('Wait for a worker, usually a moment.'),
  cancelling_waits_for_step: () => wait('Wait a few seconds.'),
  no_heartbeat: () => wait('Wait: the step is given to another worker by itself.'),
  starts_later: () => [doing('Change its start time or its content.', 'edit'), cancel],
  waiting_for_place: () => [...wait('Wait for its turn, or raise the limit on concurrent jobs: waiting jobs go on at once then.'), cancel],
  paused_by_hand: () => [doing('Let it go on.', 'resume batch'), cancel],
  outside_send_window: () => [...wait('Wait for the send window.'), cancel],
  recipients_refused_for_now: () => [...wait('Wait: they are tried again by themselves.'), cancel],
  running_step: () => [doing('Watch it.', 'watch'), cancel],
  // While another step runs the job is not `retrying`, and a retry is refused.
  waiting_for_retry: (_place, { status }) => [...(status === 'retrying' ? [doing('Try now instead of waiting.', 'retry')] : []), cancel],
  queue_rate_limited: (place) => [doing('Wait, or lift the limit.', unlimited(place))],
  backlog_ahead: (place) => [doing('Wait, or add workers.', { command: workerCommand(place) })],
  waiting_for_worker: () => wait('Wait, usually a moment.'),
  between_steps: () => wait('Wait, usually a moment.'),
  expires: () => [],
};

/** In the order of the reasons, each advice once. */
export function adviceFor(because: readonly Reason[], job: Pick<Job, 'id' | 'status'>): Advice[] {
  const all = because.flatMap(({ code, facts }) => advice[code](facts, job));
  return [...new Map(all.map((one) => [JSON.stringify(one), one])).values()];
}
