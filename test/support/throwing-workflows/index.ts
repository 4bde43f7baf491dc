/** A defect in workflow code: no failure of the job, so that Temporal tries the workflow task for ever. */
export function sendEmail(): Promise<never> {
  throw new TypeError('a defect with a secret in its text');
}
