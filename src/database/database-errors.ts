/** Prisma: cannot reach, timed out, closed the connection, pool timeout, transaction API. */
const PRISMA_AWAY = new Set(['P1001', 'P1002', 'P1008', 'P1017', 'P2024', 'P2028']);
/**
 * Sockets; names, because an orchestrator publishes them with the service; PostgreSQL's own (class 57: operator
 * intervention, 57014: it took longer than a statement may, 08: connection exception, 53300: too many connections).
 */
const AWAY = /^(E(CONNREFUSED|CONNRESET|TIMEDOUT|HOSTUNREACH|NETUNREACH|PIPE|AI_AGAIN)|ENOTFOUND|57014|57P0[1-3]|08\w{3}|53300)$/;
/** How Prisma's adapter calls the same where it passes a statement of ours on: its error then has P2010 and no other code. */
const ADAPTER_AWAY = new Set(['DatabaseNotReachable', 'ConnectionClosed', 'SocketTimeout', 'TooManyConnections']);
/** node-postgres gives these no code. */
const PG_AWAY = /^(Connection terminated|Client was closed|timeout expired|timeout exceeded when trying to connect|Client has encountered a connection error)/;

/** Postgres did not answer and may yet, as opposed to refusing a statement or a login. Looks through what Prisma wraps around the driver's error. */
export function isDatabaseAway(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false;
  const { code, originalCode, kind, message, cause, meta } = error as Record<string, unknown>;
  const codes = [code, originalCode].filter((one) => typeof one === 'string');
  if (codes.some((one) => PRISMA_AWAY.has(one) || AWAY.test(one))) return true;
  if (typeof kind === 'string' && ADAPTER_AWAY.has(kind)) return true;
  if (typeof message === 'string' && PG_AWAY.test(message)) return true;
  const wrapped = typeof meta === 'object' && meta !== null ? (meta as Record<string, unknown>)['driverAdapterError'] : undefined;
  return isDatabaseAway(cause) || isDatabaseAway(wrapped);
}

/** A row of this key is there already, as Prisma's own statements say it. */
export function isUniqueViolation(error: unknown): boolean {
  return error instanceof Error && (error as { code?: unknown }).code === 'P2002';
}
