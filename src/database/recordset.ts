import { storableThroughout } from '../core/storable.js';

/** Rows as one parameter: `jsonb_to_recordset(${recordset(rows)}::jsonb)`. JSON hides NUL and halves of pairs behind escapes that `jsonb` refuses. */
export function recordset(rows: readonly object[]): string {
  return JSON.stringify(storableThroughout(rows));
}
