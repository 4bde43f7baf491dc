import { AppError } from '../../errors.ts';

/** The same words whatever is wrong: nobody learns how near they came. */
export const notSigned = (): AppError =>
  new AppError('signature_invalid', 'The notification is not signed by the service that it is of, or it is too old.');

/** A part of somebody's JSON, of which nothing is known. */
export type Fields = Readonly<Record<string, unknown>>;

export function fieldsIn(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

export const listIn = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
export const textsIn = (values: readonly unknown[]): string[] => values.filter((value) => typeof value === 'string');

/** @throws AppError `invalid_request`. */
export function jsonOf(text: string): Fields {
  try {
    return fieldsIn(JSON.parse(text));
  } catch {
    throw new AppError('invalid_request', 'The notification is not JSON.');
  }
}

/** Of the headers of the message that an event is about: lists of `{ name, value }`. */
export function messageIdIn(headers: unknown): string[] {
  const found = listIn(headers)
    .map(fieldsIn)
    .find(({ name }) => String(name).toLowerCase() === 'message-id');
  return textsIn([found?.['value']]).map((value) => value.trim());
}
