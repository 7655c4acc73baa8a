/** Faults of records: told, where whoever reads wants the rest. */
import { isZooError } from '@mixerzoo/core';
import type { CheckpointError } from '@mixerzoo/core/errors';

/** Is told of every record that cannot be read, and what to do about it. */
export type OnFault = (fault: CheckpointError) => void;

/** Passes a fault of a record on; any other error is thrown. */
export function tell(error: unknown, onFault: OnFault): undefined {
  if (!isZooError(error, 'checkpoint')) throw error;
  onFault(error);
}
