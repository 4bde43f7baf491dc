import { AppError, type FieldError } from '../errors.ts';
import { holdsCredential, namesCredential } from '../secret-shapes.ts';
import { pointerOf } from './validation.ts';

export const secretRefusals = ['off', 'names', 'on'] as const;
/** `names`: fields that are named like a credential. `on`: texts that look like one, too. */
export type SecretRefusal = (typeof secretRefusals)[number];

/** @throws AppError `secret_in_request`. */
export type RefuseSecrets = (body: unknown, path?: readonly PropertyKey[]) => void;

const maxErrors = 20;
const byName = 'is named like a credential';
const byShape = 'looks like a credential';

const isEmpty = (value: unknown) =>
  value === null ||
  value === undefined ||
  value === '' ||
  typeof value === 'boolean' ||
  (typeof value === 'object' && !Object.keys(value).length);

function* faultsIn(value: unknown, path: readonly PropertyKey[], shapes: boolean): Generator<FieldError> {
  if (typeof value === 'string' && shapes && holdsCredential(value)) yield { pointer: pointerOf(path), detail: byShape };
  if (typeof value !== 'object' || value === null) return;
  const list = Array.isArray(value);
  for (const [name, inner] of Object.entries(value)) {
    // The pointer would show it.
    if (!list && shapes && holdsCredential(name)) yield { pointer: pointerOf(path), detail: `has a field whose name ${byShape}` };
    else if (!list && namesCredential(name) && !isEmpty(inner)) yield { pointer: pointerOf([...path, name]), detail: byName };
    else if (typeof inner === 'object' || (shapes && typeof inner === 'string')) yield* faultsIn(inner, [...path, name], shapes);
  }
}

/**
 * Looks at all names and texts of a JSON body, before anything of it is stored. Files are not looked into. The nesting must
 * have been bounded before.
 */
export function refusingSecrets(mode: SecretRefusal): RefuseSecrets {
  if (mode === 'off') return () => undefined;
  return (body, path = []) => {
    const errors: FieldError[] = [];
    for (const fault of faultsIn(body, path, mode === 'on')) {
      errors.push(fault);
      if (errors.length === maxErrors) break;
    }
    const [first] = errors;
    if (first === undefined) return;
    throw new AppError(
      'secret_in_request',
      `${first.pointer || 'The body'}: ${first.detail}. Jobs and their histories must not hold credentials; refer to them by name.`,
      { errors },
    );
  };
}
