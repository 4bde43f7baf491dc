import { z } from 'zod';

import { address } from '../jobs/email-address.ts';
import { normalisedAddress } from '../jobs/recipient.ts';
import { singleLine } from '../jobs/single-line.ts';
import { type NewSuppression, suppressionCategories, suppressionReasons, usualCategory } from '../jobs/suppressions.ts';
import { listQuery } from './job-filters.ts';

const category = z.enum(suppressionCategories, `must be one of ${suppressionCategories.join(', ')}`);
const reason = z.enum(suppressionReasons, `must be one of ${suppressionReasons.join(', ')}`);

/** `POST /v1/suppressions`, and each line of an import. */
export const suppressionRequest = z
  .strictObject({
    address,
    reason: reason.default('manual'),
    category: category.optional().meta({ description: 'Which mail is held back. Default: `bulk` for `unsubscribe`, else `all`.' }),
    note: singleLine.max(500).optional(),
  })
  .meta({ id: 'SuppressionRequest', examples: [{ address: 'ada@example.com' }, { address: 'ada@example.com', reason: 'unsubscribe' }] });

export const lookupRequest = z.strictObject({ address }).meta({ examples: [{ address: 'ada@example.com' }] });

const { limit, cursor } = listQuery.shape;

/** The query of `GET /v1/suppressions`. */
export const suppressionQuery = z.strictObject({
  address: address.optional().meta({
    description: 'In any spelling. Proxies may keep it in their logs: `POST /v1/suppressions/lookup` has it in the body.',
    examples: ['ada@example.com'],
  }),
  reason: reason.optional(),
  category: category.optional().meta({ description: 'Exactly this one.' }),
  limit: limit.meta({ description: 'Entries on a page.' }),
  cursor,
});

export function suppressionOf({ address: given, reason: why, category: which, note }: z.infer<typeof suppressionRequest>): NewSuppression {
  return { address: normalisedAddress(given), reason: why, category: which ?? usualCategory(why), note };
}
