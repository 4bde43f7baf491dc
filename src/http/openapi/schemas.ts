// What several routes have in common. `meta({ id })` makes a schema a component of its own.
import { z } from 'zod';

import { errorCodes } from '../../errors.ts';
import { checkResult, fileStates, rejection } from '../../jobs/file-checks.ts';
import { linkedFile } from '../../jobs/linked-file.ts';

/** RFC 3339, UTC. */
export const time = z.iso.datetime();

/** Not `.nullable()`: of a component, the generator makes something that null does not match. */
export function orNull<T extends z.ZodType>(schema: T) {
  return z.union([schema, z.null()]);
}

/** The one field, or header, of a name in the path. */
export const idParameter = (description: string, example: string) =>
  z.object({ id: z.string().meta({ description, examples: [example] }) });

/** The header that makes repeating safe; `what` it stands for. */
export const idempotencyKeyHeader = (what: string, example: string) =>
  z
    .string()
    .min(1)
    .max(255)
    .regex(/^[!-~]+$/)
    .optional()
    .meta({ description: `Makes repeating safe: the same key is the same ${what}.`, examples: [example] });

export const problem = z
  .object({
    type: z.string().meta({ description: 'A URN made from `code`.', examples: ['urn:handoff:problem:not_found'] }),
    title: z.string().meta({ description: 'The same for each `code`.' }),
    status: z.int().min(400).max(599),
    detail: z.string(),
    instance: z.string().optional().meta({ description: 'The path that was asked for.' }),
    code: z.enum(errorCodes).meta({ description: 'Stable: decide by it, not by texts.' }),
    requestId: z.string().optional().meta({ description: 'The same as in X-Request-Id.' }),
    retryable: z.boolean().meta({ description: 'Whether the same request may succeed later.' }),
    limit: z.string().optional().meta({ description: 'The limit that is exceeded, as `GET /v1/limits` names it.' }),
    errors: z
      .array(z.object({ pointer: z.string(), detail: z.string() }))
      .optional()
      .meta({
        description: 'Each invalid place: an RFC 6901 pointer into the body, or `#header:<name>`, `#query:<name>`; and what is wrong.',
      }),
  })
  .meta({ id: 'Problem', description: 'RFC 9457 problem details. Some codes add fields of their own.' });

export const progress = z
  .object({
    done: z.number(),
    total: z.number().nullable().meta({ description: 'null while nobody knows.' }),
    unit: z.string(),
    stage: z.string(),
  })
  .meta({ id: 'Progress' });

export const file = linkedFile
  .extend({
    createdAt: time,
    jobId: z.string().meta({ description: 'The job that made or received it.' }),
    downloads: z.int().min(0).meta({ description: 'By links, without a key: those that are complete or under way.' }),
    maxDownloads: z.int().nullable().meta({ description: 'By links. null: any number.' }),
    lastDownloadedAt: orNull(time).meta({ description: 'When the last one by a link was complete.' }),
    state: z.enum(fileStates).meta({
      description: 'quarantined: its checks are not done, and nobody gets its bytes; rejected: it did not pass them, and they are gone.',
    }),
    rejection: orNull(rejection),
    checks: z.array(checkResult).nullable().meta({ description: 'Done since it was received; null: none had to be, or not yet.' }),
  })
  .meta({
    id: 'File',
    description: 'Metadata of a stored file.',
  });
