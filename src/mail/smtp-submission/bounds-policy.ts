import { Bulkhead, type Release } from '../../core/semaphore.js';
import { addressOf, reachedBy } from '../../core/networks.js';
import { requesterOf } from '../../limits/limit-policy.js';

/** What a client may take of this process. All of it in one place; times are milliseconds. */
export const SMTP_BOUNDS = {
  /** Connections of all clients together, with some descriptors left for the web and Postgres where there are 1,024. */
  connections: 600,
  /** Of one requester: several pools of a busy back end, or all of a small company behind one address. */
  connectionsOfOne: 100,
  /**
   * From the connection until AUTH succeeded, TLS included. Programs take one second; who only holds a place loses it.
   */
  loginMs: 60_000,
  /** From an answer to the end of the next command, however its bytes trickle in (RFC 5321 §4.5.3.2.7). */
  commandMs: 5 * 60_000,
  /** From 354 to the end of the message: 25 MB at 50 KB a second, and not one byte a minute. */
  messageMs: 10 * 60_000,
  /** Commands before AUTH: EHLO, STARTTLS, EHLO again, and some tries. */
  commandsBeforeLogin: 20,
  /** On one connection; beside the limit of the requester, which all processes count together. */
  wrongPasswords: 3,
  /**
   * Bytes of a command (RFC 5321 §4.5.3.1.4 asks for 512, RFC 4954 §4 for 12,288 where tokens are passwords; a key has
   * 52).
   */
  commandBytes: 4 * 1024,
  /** Of one envelope: ten times what RFC 5321 §4.5.3.1.8 asks for. */
  recipients: 1_000,
  /** For what is under way when the process stops; the whole of its drain has 20 s. */
  leavingMs: 10_000,
};

/** Who is connected. Nobody waits: who is one too many is told so at once. */
export class Connections {
  private readonly bulkhead = new Bulkhead();

  constructor(private readonly bounds: Pick<typeof SMTP_BOUNDS, 'connections' | 'connectionsOfOne'> = SMTP_BOUNDS) {}

  /** @returns what gives the place back; undefined: there is none */
  take(address: string): Release | undefined {
    return this.bulkhead.take({
      all: this.bounds.connections,
      [`of ${requesterOf(address)}`]: this.bounds.connectionsOfOne,
    });
  }
}

/** Ranges in which nobody from the internet is (RFC 1122, RFC 1918, RFC 3927, RFC 4193, RFC 4291). */
const NEAR = ['loopback', 'private', 'linkLocal', 'uniqueLocal'];

/** Whether a connection from there has come from this machine or its own network. */
export function isNear(address: string | undefined): boolean {
  const [bare = ''] = (address ?? '').split('%', 1); // the zone of a link-local address
  const parsed = addressOf(bare);
  return parsed !== undefined && NEAR.includes(reachedBy(parsed).range());
}
