import { countLimits, type LimitName } from './limits.ts';
import { allJobTypes } from './registry.ts';

/** All that can be set. */
export const limitNames: readonly LimitName[] = [...countLimits, ...allJobTypes.map(({ type }) => `concurrentJobs.${type}` as const)];

/** The smallest value that makes sense: with none at all jobs would wait for ever, and a tenant could not take the limit back. */
export const leastOf = (name: LimitName): number => (name === 'requestsPerMinute' || name.startsWith('concurrentJobs.') ? 1 : 0);
