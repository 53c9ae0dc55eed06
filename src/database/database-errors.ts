/** Prisma: cannot reach, timed out, closed the connection, pool timeout. */
const AWAY = new Set(['P1001', 'P1002', 'P1008', 'P1017', 'P2024', 'P2028']);
/** Node's and PostgreSQL's own (class 57: operator intervention, 08: connection exception, 53300: too many connections). */
const AWAY_CAUSE = /^(ECONNREFUSED|ECONNRESET|ETIMEDOUT|EPIPE|57P0[1-3]|08\w{3}|53300)$/;

/** Postgres did not answer, as opposed to refusing a statement. */
export function isDatabaseAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code, cause, meta } = error as { code?: string; cause?: unknown; meta?: { driverAdapterError?: unknown } };
  if (code !== undefined && (AWAY.has(code) || AWAY_CAUSE.test(code))) return true;
  return isDatabaseAway(cause) || isDatabaseAway(meta?.driverAdapterError);
}
