export function assertNodeVersion(version?: string): void;
export function ensureInstalled(options: {
  dev: boolean;
  root?: string;
  log?: (line: string) => void;
}): Promise<'installed' | 'up to date'>;
