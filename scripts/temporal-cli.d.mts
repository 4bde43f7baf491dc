/** The Temporal CLI everything here is tested with; it contains server 1.32.0. */
export const temporalCliVersion: string;

/** Absolute path of a Temporal CLI of exactly that version. */
export function findTemporalCli(options?: { log?: (line: string) => void; env?: Record<string, string | undefined> }): Promise<string>;
