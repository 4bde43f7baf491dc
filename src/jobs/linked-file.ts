import { z } from 'zod';

import type { LinkedFile } from './definition.ts';

/** A file within the result of a job, as HTTP shows it: for the `result` of a job type. */
export const linkedFile = z
  .object({
    id: z.string(),
    name: z.string(),
    contentType: z.string(),
    size: z.int().meta({ description: 'In bytes.' }),
    sha256: z.string().meta({ description: 'Lower-case hex.' }),
    expiresAt: z.iso.datetime().optional().meta({ description: 'From then on it is gone. Not there: it stays until it is deleted.' }),
    links: z.object({
      self: z.string(),
      content: z.string().meta({ description: 'Where the bytes are.' }),
    }),
  })
  .meta({ id: 'LinkedFile' });

/** For the example of a result. */
export const exampleFile: LinkedFile = {
  id: 'file_favhp5o4hkxjxccacfxq2eja7m',
  name: 'sales.csv',
  contentType: 'text/csv',
  size: 19,
  sha256: '59103b2fef93a6b7b5e6b2e4b9b3f0e3f1b2a1c1f6a1c2d3e4f5061728394a5b',
  links: { self: '/v1/files/file_favhp5o4hkxjxccacfxq2eja7m', content: '/v1/files/file_favhp5o4hkxjxccacfxq2eja7m/content' },
};
