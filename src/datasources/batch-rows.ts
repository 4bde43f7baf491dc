/** Of a batch, in characters: rows are as wide as those before, as far as anybody can tell. */
const batchCharacters = 1024 * 1024;
const first = 100;
const most = 5_000;

/** How many rows to ask for next. */
export function nextBatchRows(before?: readonly (readonly (string | null)[])[]): number {
  if (before === undefined || before.length === 0) return first;
  let characters = 0;
  for (const row of before) for (const value of row) characters += (value?.length ?? 0) + 8;
  const fitting = Math.floor(batchCharacters / Math.max(1, characters / before.length));
  return Math.max(1, Math.min(fitting, most, before.length * 10));
}
