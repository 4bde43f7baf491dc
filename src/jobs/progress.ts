/** Heartbeat details of every long activity, and the `progress` of the job resource. */
export interface Progress {
  done: number;
  /** null while nobody knows. */
  total: number | null;
  unit: string;
  /** What is being done, in a word or two. */
  stage: string;
}
