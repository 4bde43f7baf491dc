import { AppError } from '../errors.ts';
import { misconfigured, shortened, unreachable, withoutValues } from './failure.ts';

export interface SqliteFailure {
  /** `prepare`: the message is about the text of the query; `step`: it may be about its values. */
  during: 'open' | 'prepare' | 'step';
  message: string;
}

/** What an error of SQLite means: it has nothing but its words. */
export function sqliteFailure({ during, message }: SqliteFailure, memoryMb: number): AppError {
  if (/out of memory|too big/.test(message))
    return new AppError('query_too_large', `The query needs more than the ${String(memoryMb)} MiB of memory that it may have.`);
  if (message.includes('not a database')) return misconfigured('The file is no SQLite database, or is encrypted.');
  if (message.includes('malformed') && message.includes('disk image')) return new AppError('source_unreadable', 'The file is damaged.');
  if (during === 'open' || /disk I\/O|unable to open|locked|busy/.test(message)) return unreachable('The file can not be read.');
  if (message.includes('readonly')) return new AppError('query_invalid', 'The query would write: the file is only read.');
  const told = during === 'prepare' ? shortened(message) : withoutValues(message).replace(/:.*$/, '');
  return new AppError('query_invalid', `${told}.`);
}
