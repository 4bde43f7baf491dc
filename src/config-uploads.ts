import { join, resolve } from 'node:path';
import { z } from 'zod';

export interface UploadSettings {
  /** Of uploads that come in pieces. */
  readonly tusDir: string;
  /** In milliseconds. */
  readonly tusExpiryMs: number;
}

export const uploadVariables = {
  HANDOFF_TUS_DIR: z.string().optional(),
  HANDOFF_TUS_EXPIRY_HOURS: z.coerce.number().int().min(1).max(8_760).default(24),
};

type Values = z.infer<z.ZodObject<typeof uploadVariables>>;

export function uploadsOf({ HANDOFF_TUS_DIR: directory, HANDOFF_TUS_EXPIRY_HOURS: hours }: Values, dataDir: string): UploadSettings {
  return { tusDir: directory === undefined ? join(dataDir, 'tus') : resolve(directory), tusExpiryMs: hours * 3_600_000 };
}
