import { isOwnSuppressionId, newSuppressionId } from './ids.ts';
import { normalisedAddress } from './recipient.ts';

/** For the database, which has no rules of its own. */
export const suppressionNames = { newId: newSuppressionId, isOwnId: isOwnSuppressionId, normalised: normalisedAddress };
