/** Compiles and bundles to `dist/`, unless that is up to date. */
export function build(options?: { force?: boolean; root?: string; log?: (line: string) => void }): Promise<'built' | 'up to date'>;
