import type { components } from './schema.ts';

/** RFC 9457; decide by `code`. */
export type Problem = components['schemas']['Problem'];

/** Whether an answer's body, whatever it is, is one of our problems. */
export function isProblem(value: unknown): value is Problem {
  return typeof value === 'object' && value !== null && 'code' in value && 'status' in value && 'retryable' in value;
}

/** An answer that was a problem, as an error to be thrown. */
export class HandoffProblem extends Error {
  override readonly name = 'HandoffProblem';
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(`${problem.code}: ${problem.detail}`);
    this.problem = problem;
  }

  get code(): Problem['code'] {
    return this.problem.code;
  }

  get status(): number {
    return this.problem.status;
  }
}
