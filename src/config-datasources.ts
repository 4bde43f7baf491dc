import { isAbsolute } from 'node:path';

import { z } from 'zod';

const common = {
  tenants: z.array(z.string().min(1)).min(1).optional(),
  description: z.string().max(500).optional(),
};
const server = (port: number) => ({
  ...common,
  host: z.string().regex(/^[A-Za-z0-9._:-]{1,253}$/),
  port: z.int().min(1).max(65_535).default(port),
  database: z.string().min(1),
  user: z.string().min(1),
  password: z.string().optional(),
  tls: z.enum(['verify-full', 'disable']).default('verify-full'),
  ca: z.string().optional(),
});

/** As requests have them, but for `tenants`, and for files: those are named here only. */
const source = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('postgresql'), ...server(5432) }),
  z.strictObject({ kind: z.literal('mysql'), ...server(3306) }),
  z.strictObject({ kind: z.literal('sqlite'), ...common, path: z.string().refine(isAbsolute) }),
  z.strictObject({
    kind: z.literal('http'),
    ...common,
    url: z.url({ protocol: /^https?$/ }),
    headers: z.record(z.string(), z.string()).optional(),
  }),
]);
const sources = z.record(z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/), source);
export type DataSourceSetting = { name: string } & z.infer<typeof source>;

export const dataSourceVariables = {
  HANDOFF_DATA_SOURCES: z
    .string()
    .transform((text, context): DataSourceSetting[] => {
      const parsed = sources.safeParse(jsonOf(text));
      if (parsed.success) return Object.entries(parsed.data).map(([name, one]) => ({ name, ...one }));
      // Where it is wrong, and never what stands there.
      for (const { path, code } of parsed.error.issues.slice(0, 5)) {
        const message = path.length === 0 ? 'must be a JSON object of data sources by name' : `${path.join('.')} is not usable (${code})`;
        context.addIssue({ code: 'custom', message });
      }
      return z.NEVER;
    })
    .default([]),
};

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
