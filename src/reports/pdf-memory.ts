import { AppError } from '../errors.ts';
import type { Cell } from '../jobs/report-sources.ts';

/** Of the heap, in bytes: a little less than what pdfmake was seen to take. */
const ofCell = 2_000;
const ofCharacter = 40;

/**
 * Refuses rows that can't be drawn in that memory before they fill it: a heap that is nearly full is searched for garbage again and
 * again until V8 gives up, and what does not fit into its last reserve would end the whole process.
 * @throws AppError `report_too_large`
 */
export function memoryGuard(memoryMb: number): (row: readonly Cell[]) => void {
  let left = memoryMb * 1024 * 1024;
  return (row) => {
    for (const cell of row) left -= ofCell + ofCharacter * (typeof cell === 'string' ? cell.length : 0);
    if (left < 0) throw tooMuchMemory(memoryMb);
  };
}

export const tooMuchMemory = (memoryMb: number): AppError =>
  new AppError(
    'report_too_large',
    `To draw the report takes more than ${String(memoryMb)} MiB of memory. Take fewer rows or columns, or another format.`,
  );
