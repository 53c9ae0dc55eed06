import type { SmtpOptions } from '../../config/settings.js';
import type { StageTimeouts } from './stage.js';

/** How long we wait for servers, in milliseconds. */
export interface Timeouts extends StageTimeouts {
  /** For a connection. */
  connectMs: number;
  /** For the greeting, and for STARTTLS. */
  greetingMs: number;
  /** For a connection, and again for the greeting, while there are other ports to try. */
  nextPortMs: number;
  /** From the greeting to the end of the login. */
  setupMs: number;
  /** That a message waits for a connection that is being opened; the opening goes on without it. */
  openingMs: number;
  /** For the first word on a connection that has carried a message before, and may be dead. */
  firstWordMs: number;
  /** For which a refused login is not presented again: others that open a connection share its fate. */
  loginAgainMs: number;
  /** That a connection is kept without a message. */
  idleMs: number;
  /** For the final reply, after which the message no longer holds up others. */
  lateMs: number;
  /** The first break of a transport that leaves messages without their final reply. */
  silentMs: number;
  /** Between two tries of a paused transport. */
  probeEveryMs: number;
  /** The same where this host cannot reach it, at first. */
  reachAgainMs: number;
  /** The longest break in a row of breaks, unless the server asks for more. */
  longestBackoffMs: number;
  /** After which a probe that was never answered for is given to another message: who took it has died. */
  probeMs: number;
  /** For which the states of the breakers are believed without looking again. */
  statesMs: number;
}

/**
 * The final reply may take 10 minutes (RFC 5321 §4.5.3.2.6), for every time-out of ours at that point manufactures an
 * unknown; the greeting 5 (§4.5.3.2.1), for some servers make unknown hosts wait. No message waits that long for
 * another one: see `openingMs` and `lateMs`. Firewalls and proxies drop what is idle after a minute without telling
 * either side.
 */
export const TIMEOUTS: Timeouts = {
  connectMs: 10_000,
  greetingMs: 300_000,
  nextPortMs: 5_000,
  setupMs: 30_000,
  openingMs: 10_000,
  firstWordMs: 3_000,
  loginAgainMs: 2_000,
  idleMs: 30_000,
  envelope: 60_000,
  transferring: 60_000,
  released: 600_000,
  lateMs: 10_000,
  silentMs: 3_000,
  probeEveryMs: 60_000,
  reachAgainMs: 8_000,
  longestBackoffMs: 60_000,
  probeMs: 15_000,
  statesMs: 1_000,
};

/** The same with what is asked for one server. */
export function timeoutsFor(
  timeouts: Timeouts,
  { connect, greeting, reply, finalReply }: NonNullable<SmtpOptions['timeouts']> = {},
): Timeouts {
  return {
    ...timeouts,
    connectMs: connect ?? timeouts.connectMs,
    greetingMs: greeting ?? timeouts.greetingMs,
    envelope: reply ?? timeouts.envelope,
    transferring: reply ?? timeouts.transferring,
    released: finalReply ?? timeouts.released,
  };
}
