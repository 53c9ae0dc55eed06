/** How much one connection, and all of them together, may leave waiting. */
export interface SocketBounds {
  /**
   * Requests of a connection behind the one under way. Browsers send none ahead of an answer; what does, sends a few
   * (RFC 9112 §9.3.2).
   */
  waitingRequests: number;
  /** Milliseconds in which a client takes nothing of what it is sent. */
  stalledMs: number;
  /** Bytes in this process that clients have not taken, on top of what the kernel holds for them. */
  unwrittenBytes: number;
  /** Milliseconds that a client has to read the last answer of a connection that we ended. */
  lingerMs: number;
}

export const SOCKET_BOUNDS: SocketBounds = {
  waitingRequests: 8,
  stalledMs: 30_000,
  unwrittenBytes: 32 * 1024 * 1024,
  lingerMs: 2_000,
};

/** What a look at a connection finds. */
export interface Outgoing {
  /** Bytes that wait to be written. */
  waiting: number;
  /** Bytes that the kernel took so far. */
  taken: number;
  /** Whether we ended the connection, and nothing follows. */
  ended: boolean;
}

/** What is remembered of a connection from one look to the next. */
export interface Seen {
  taken: number;
  /** Since when there was nothing to write, or something was taken. */
  movedAt: number;
  waiting: number;
  ended: boolean;
}

/** @param now milliseconds of a clock that only goes forward */
export function seen(last: Seen | undefined, { waiting, taken, ended }: Outgoing, now: number): Seen {
  const moved = last === undefined || taken > last.taken || ended !== last.ended || (waiting === 0 && !ended);
  return { taken, waiting, ended, movedAt: moved ? now : last.movedAt };
}

/**
 * The connections to cut: of clients that stopped reading, and while more waits than may, of those that have not read
 * for longest.
 */
export function toCut<T>(connections: Iterable<[T, Seen]>, now: number, bounds: SocketBounds): T[] {
  const waiting: [T, Seen][] = [];
  const cut: T[] = [];
  for (const entry of connections) {
    const [connection, { ended, movedAt, waiting: bytes }] = entry;
    const patience = ended && bytes === 0 ? bounds.lingerMs : bounds.stalledMs;
    if ((ended || bytes > 0) && now - movedAt >= patience) cut.push(connection);
    else if (bytes > 0) waiting.push(entry);
  }
  let unwritten = waiting.reduce((sum, [, { waiting: bytes }]) => sum + bytes, 0);
  if (unwritten <= bounds.unwrittenBytes) return cut;
  for (const [connection, { waiting: bytes }] of waiting.sort(([, one], [, other]) => one.movedAt - other.movedAt)) {
    if (unwritten <= bounds.unwrittenBytes) break;
    unwritten -= bytes;
    cut.push(connection);
  }
  return cut;
}
