import { describe, expect, test } from '@jest/globals';

import { type Edit, errorsIn } from '../support/compile-variant.ts';

interface Mistake {
  mistake: string;
  edits: Edit[];
  /** Where the compiler must complain, and about what. */
  file: string;
  error: RegExp;
}

const jobTypes = 'src/jobs/registry.ts';
const workflows = 'workflows/index.ts';

const fax = `import { job } from './job.ts';
export const sendFax = job<{ number: string }, { pages: number }>(({ input }) => Promise.resolve({ pages: input.number.length }));`;

const bareEmail = `import type { JobArgs } from '../src/jobs/definition.ts';
import type { EmailInput, EmailResult } from '../src/jobs/email.ts';
export function sendEmail({ input }: JobArgs<EmailInput>): Promise<EmailResult> { return Promise.resolve({ messages: input.to.length ? [] : [] }); }`;

const mistakes: Mistake[] = [
  {
    mistake: 'a workflow without a job type',
    edits: [{ file: workflows, by: fax }],
    file: jobTypes,
    error: /Property 'sendFax' is missing|does not satisfy the expected type/,
  },
  {
    mistake: 'a job type without a workflow',
    edits: [{ file: jobTypes, replace: /sendEmail: email,/, by: 'sendEmail: email,\n  sendFax: email,' }],
    file: jobTypes,
    error: /'sendFax' does not exist in type/,
  },
  {
    mistake: 'a job type under the name of another workflow',
    edits: [{ file: jobTypes, replace: /sendEmail: email,/, by: 'sendEmail: reportJob,' }],
    file: jobTypes,
    error: /not assignable/,
  },
  {
    mistake: 'a schema that no longer gives what the workflow takes',
    edits: [{ file: 'src/jobs/email.ts', replace: /array\(party\)/, by: 'array(z.number())' }],
    file: 'src/jobs/email.ts',
    error: /not assignable/,
  },
  {
    mistake: 'a workflow that is not made by job(), and so has no dead letters',
    edits: [{ file: workflows, replace: /export \{ sendEmail \} from '.\/send-email.ts';/, by: bareEmail }],
    file: jobTypes,
    error: /not assignable to type 'never'/,
  },
  {
    mistake: 'a workflow whose input has drifted from its job type',
    edits: [{ file: 'workflows/send-email.ts', replace: /job<EmailInput, /, by: 'job<EmailInput & { copies: string[] }, ' }],
    file: jobTypes,
    error: /copies/,
  },
  {
    mistake: 'a workflow whose result has drifted from its job type',
    edits: [{ file: workflows, replace: /export \{ sendEmail \} from '.\/send-email.ts';/, by: fax.replace('sendFax', 'sendEmail') }],
    file: jobTypes,
    error: /not assignable/,
  },
  {
    mistake: 'a call of an activity that is not registered',
    edits: [{ file: 'workflows/send-email.ts', replace: /'deliverEmail',/, by: `'deliverFax',` }],
    file: 'workflows/send-email.ts',
    error: /'"deliverFax"' is not assignable to parameter of type/,
  },
  {
    mistake: 'a registered activity without time-outs and retries',
    edits: [{ file: 'activities/email.ts', replace: /return \{(?=\s+\/\*\*)/, by: 'return { deliverFax: () => Promise.resolve(),' }],
    file: 'workflows/policies.ts',
    error: /Property 'deliverFax' is missing/,
  },
  {
    mistake: 'a duration that Temporal cannot read',
    edits: [{ file: 'workflows/policies.ts', replace: /startToCloseTimeout: '10 minutes'/, by: `startToCloseTimeout: '10 minuten'` }],
    file: 'workflows/policies.ts',
    error: /10 minuten/,
  },
];

describe('the registries', () => {
  test.each([jobTypes, workflows, 'workflows/policies.ts', 'workflows/send-email.ts', 'src/jobs/email.ts'])(
    '%s compiles as it is',
    (file) => {
      expect(errorsIn(file, [])).toEqual([]);
    },
  );

  test.each(mistakes)('$mistake does not compile', ({ edits, file, error }) => {
    const errors = errorsIn(file, edits);
    expect(errors).not.toEqual([]);
    expect(errors.join('\n')).toMatch(error);
  });
});
