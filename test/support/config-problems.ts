import { ConfigError, loadConfig } from '../../src/config.ts';

/** What is wrong with this environment, as the operator is told; `none`: nothing. */
export function problemsOf(env: Record<string, string>): string {
  try {
    loadConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return 'none';
}
