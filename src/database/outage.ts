import { AppError } from '../errors.ts';

/** Runs queries so that a database that is away becomes one stable error; no statement or host name reaches the caller. */
export async function reachable<T>(query: () => Promise<T>): Promise<T> {
  try {
    return await query();
  } catch (error) {
    throw new AppError('database_unavailable', 'The database does not answer.', { retryable: true, retryAfterSeconds: 5, cause: error });
  }
}
