import { jest } from '@jest/globals';

import { main } from '../../src/cli.ts';

/** `handoff …` in this process: its exit code, and what it wrote to standard output and to standard error. */
export async function runCommand(...args: string[]): Promise<{ code: number; out: string; said: string }> {
  const [out, said] = [jest.spyOn(console, 'log').mockReturnValue(), jest.spyOn(console, 'error').mockReturnValue()];
  try {
    const code = await main(args);
    const textOf = ({ mock }: typeof out) => mock.calls.map(([text]) => String(text)).join('\n');
    return { code, out: textOf(out), said: textOf(said) };
  } finally {
    out.mockRestore();
    said.mockRestore();
  }
}
