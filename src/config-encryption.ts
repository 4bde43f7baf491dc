import { z } from 'zod';

/** Of what lies in Temporal's histories. */
export interface EncryptionSettings {
  readonly enabled: boolean;
  /** Master keys, each 32 bytes in base 64; the first one writes. */
  readonly keys: readonly string[] | undefined;
  /** A module that reaches a key management service, in place of the keys. */
  readonly keyModule: string | undefined;
}

/** One or several, by comma or white space. */
const masterKeys = z
  .string()
  .transform((text) => text.split(/[\s,]+/).filter((key) => key !== ''))
  .refine(
    (keys) => keys.length > 0 && keys.every((key) => /^[A-Za-z0-9+/]{43}=$/.test(key)),
    'must be 32 random bytes in base 64 (`openssl rand -base64 32`); several, the newest first, by comma',
  );

export const encryptionVariables = {
  HANDOFF_ENCRYPTION: z.enum(['on', 'off']).default('on'),
  HANDOFF_ENCRYPTION_KEYS: masterKeys.optional(),
  HANDOFF_ENCRYPTION_KEY_MODULE: z.string().optional(),
};

export function encryptionOf(values: z.infer<z.ZodObject<typeof encryptionVariables>>): EncryptionSettings {
  return {
    enabled: values.HANDOFF_ENCRYPTION === 'on',
    keys: values.HANDOFF_ENCRYPTION_KEYS,
    keyModule: values.HANDOFF_ENCRYPTION_KEY_MODULE,
  };
}
