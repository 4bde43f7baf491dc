import { z } from 'zod';

/** Of the files of a job. */
export const retentionDays = z
  .int()
  .min(1)
  .max(3_650)
  .meta({ description: 'How long the files are kept. Default: HANDOFF_FILE_RETENTION_DAYS, else until they are deleted.' });
