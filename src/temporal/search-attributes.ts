import type { NativeConnection } from '@temporalio/worker';

/** `IndexedValueType`: Keyword and KeywordList. */
const [keyword, keywordList] = [2, 7];

/** Never encrypted by Temporal: opaque values only. */
const searchAttributes = { HandoffTenant: keyword, HandoffState: keyword, HandoffLabels: keywordList } as const;

/** Registers what is missing. Safe to repeat, and from several processes at once. */
export async function ensureSearchAttributes({ operatorService }: NativeConnection, namespace: string): Promise<void> {
  const { customAttributes } = await operatorService.listSearchAttributes({ namespace });
  const missing = Object.entries(searchAttributes).filter(([name]) => !(name in customAttributes));
  if (missing.length === 0) return;
  try {
    await operatorService.addSearchAttributes({ namespace, searchAttributes: Object.fromEntries(missing) });
  } catch (error) {
    const now = await operatorService.listSearchAttributes({ namespace });
    if (missing.some(([name]) => !(name in now.customAttributes))) throw error;
  }
}
