// What workers have: the workflows of the job types, which `index.ts` registers, and those that are no jobs themselves.
export * from './index.ts';
export { bulkAction } from './bulk-action.ts';
export { concurrencyLimit } from './concurrency-limit.ts';
export { maintainStorage } from './maintain-storage.ts';
export { previewReport } from './preview-report.ts';
