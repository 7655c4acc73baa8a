/** The command in this process, for what trains nothing: in the working directory, with what it would write. */
import { vi } from 'vitest';
import { main } from '../command-line.js';

export async function mixerzoo(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const written = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    vi.spyOn(process[name], 'write').mockImplementation((chunk) => {
      written[name] += String(chunk);
      return true;
    }),
  );
  try {
    return { code: await main(['node', 'mixerzoo', ...args]), ...written };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}
