import { AppError } from '../errors.ts';

/** What clamd says of itself: `ClamAV 1.4.3/27800/Sun Nov 29 09:30:00 2026`, without the rest where it has no database of ClamAV's. */
export interface Engine {
  /** `ClamAV 1.4.3/27800` */
  engine: string;
  /** RFC 3339: when its signatures were made; null: it does not tell. */
  databaseDate: string | null;
}

const printable = (text: string) => text.replaceAll(/[^\x20-\x7e]/g, '').slice(0, 200);

export function engineOf(reply: string): Engine {
  const [program = '', database, date = ''] = printable(reply).split('/');
  // Without a zone: its own. Hours do not matter where days count.
  const made = Date.parse(`${date} UTC`);
  const engine = database === undefined ? program : `${program}/${database}`;
  return { engine, databaseDate: Number.isNaN(made) ? null : new Date(made).toISOString() };
}

/** @returns the name of what was found; null: nothing. @throws AppError `scanner_unavailable`, `scanner_configuration`. */
export function virusIn(reply: string): string | null {
  const text = printable(reply);
  if (text === 'stream: OK') return null;
  const [, name] = /^stream: (.+) FOUND$/.exec(text) ?? [];
  if (name !== undefined) return name;
  if (/size limit exceeded/i.test(text))
    throw new AppError('scanner_configuration', 'The file is larger than the virus scanner takes (StreamMaxLength of clamd).', {
      retryable: true,
    });
  throw new AppError('scanner_unavailable', 'The virus scanner could not scan the file.', { retryable: true, cause: new Error(text) });
}
