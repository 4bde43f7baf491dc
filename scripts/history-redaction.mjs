// What a recorded history may tell: the course of a job, and nothing of what was in it.

/** Fields whose values are words of ours. */
const ourWords = new Set([
  ...[
    'action',
    'code',
    'contentType',
    'fit',
    'format',
    'HandoffState',
    'TemporalChangeVersion',
    'kind',
    'reasonClass',
    'stage',
    'status',
    'statuses',
    'step',
    'type',
    'unit',
  ],
]);
/** Fields whose keys are the caller's. Workflows never look into them. */
const freeForm = new Set(['labels', 'rows']);
/** Times, ids, hashes. */
const opaque = [/^\d{4}-\d{2}-\d{2}T[\d:.]+Z$/, /^[a-z]+_[a-z2-7]{26}$/, /^[0-9a-f]{32,64}$/];

/** @param {unknown} value @param {string} [field] */
function withoutWords(value, field = '') {
  if (Array.isArray(value)) return freeForm.has(field) ? [] : value.map((item) => withoutWords(item, field));
  if (value !== null && typeof value === 'object')
    return freeForm.has(field) ? {} : Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withoutWords(inner, key)]));
  if (typeof value !== 'string' || ourWords.has(field) || opaque.some((shape) => shape.test(value))) return value;
  return value.includes('@') ? 'someone@example.com' : 'redacted';
}

const textOf = (base64) => Buffer.from(base64 ?? '', 'base64').toString();
const encodingOf = (payload) => textOf(payload.metadata?.encoding);

/** @param {unknown} value */
export const isPayload = (value) =>
  value !== null && typeof value === 'object' && typeof (/** @type {any} */ (value).metadata?.encoding) === 'string';

function redactedPayload(payload, field) {
  if (encodingOf(payload) === 'binary/null') return payload;
  if (encodingOf(payload) !== 'json/plain') throw new Error(`A payload is ${encodingOf(payload)}: only JSON can be redacted.`);
  const value = withoutWords(JSON.parse(textOf(payload.data)), field);
  return { ...payload, data: Buffer.from(JSON.stringify(value)).toString('base64') };
}

/** The same history, as JSON, in clear and without anything that users wrote. @param {any} value @returns {any} */
export function redacted(value, field = '') {
  // Names of changes in workflows, by which a replay knows the way that was taken.
  if (field === 'patch-data') return value;
  if (isPayload(value)) return redactedPayload(value, field);
  if (Array.isArray(value)) return value.map((item) => redacted(item, field));
  if (value === null || typeof value !== 'object') return field === 'stackTrace' ? '' : field === 'message' ? 'redacted' : value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, redacted(inner, key)]));
}

/** Every payload in it. @param {any} value @returns {any[]} */
export function payloadsIn(value) {
  if (isPayload(value)) return [value];
  return value !== null && typeof value === 'object' ? Object.values(value).flatMap(payloadsIn) : [];
}
