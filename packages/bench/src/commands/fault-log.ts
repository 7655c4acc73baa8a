/** Records that a command could not read: each is named once, on standard error, and the command goes on without it. */
import type { OnFault } from '../runs/tell-fault.js';
import { print } from '../terminal.js';

export interface FaultLog {
  /** Names a fault. */
  readonly name: OnFault;
  /** Names a fault that stays: the command's exit code is then not 0. */
  readonly count: OnFault;
  /** `code`, or 1 where it is 0 and faults were counted. */
  exitCode(code: number): number;
}

export function createFaultLog(): FaultLog {
  const named = new Set<string>();
  let counted = 0;
  const name: OnFault = ({ message }) => {
    if (!named.has(message)) print(message, process.stderr);
    named.add(message);
  };
  return {
    name,
    count(fault) {
      counted += 1;
      name(fault);
    },
    exitCode: (code) => (code === 0 && counted > 0 ? 1 : code),
  };
}
