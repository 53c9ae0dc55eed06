import { eventually } from '../signals/wait.js';
import type { TestDatabase } from './postgres.js';

/** Makes a task of `scheduled_tasks` due, waits for its run, and answers its result. */
export async function runScheduled(database: Pick<TestDatabase, 'query'>, name: string): Promise<string> {
  const [before] = await database.query<{ now: Date }>(
    `UPDATE scheduled_tasks SET next_run_at = now() WHERE name = $1 RETURNING now() AS now`,
    [name],
  );
  return eventually(async () => {
    const [row] = await database.query<{ last_result: string; last_error: string }>(
      `SELECT last_result, last_error FROM scheduled_tasks WHERE name = $1 AND last_run_at >= $2 AND leased_by IS NULL`,
      [name, before!.now],
    );
    if (row?.last_error) throw new Error(row.last_error);
    return row?.last_result;
  }, `a run of ${name}`);
}
