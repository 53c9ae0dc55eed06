import type { StagePatience } from './stage.js';

/** How long we wait for servers, in milliseconds. */
export interface Patience extends StagePatience {
  /** For a connection. */
  connectMs: number;
  /** For the greeting, and for STARTTLS. */
  greetingMs: number;
  /** For a connection, and again for the greeting, while there are other ports to try. */
  nextPortMs: number;
  /** From dialling to the end of the login. */
  setupMs: number;
  /** Between two tries of a paused transport. */
  probeEveryMs: number;
  /** The longest break in a row of breaks, unless the server asks for more. */
  longestBackoffMs: number;
  /** After which somebody else may try a transport that is in trouble: who tried it has died. */
  trialMs: number;
  /** For which the shared states of the transports are believed without looking again. */
  statesMs: number;
}

/**
 * Short before the message, long for its final reply: RFC 5321 §4.5.3.2.6 gives the server 10 minutes there, and every
 * time-out of ours at that point manufactures an unknown.
 */
export const PATIENCE: Patience = {
  connectMs: 10_000,
  greetingMs: 10_000,
  nextPortMs: 5_000,
  setupMs: 30_000,
  envelope: 60_000,
  transferring: 60_000,
  released: 600_000,
  probeEveryMs: 60_000,
  longestBackoffMs: 60_000,
  trialMs: 15_000,
  statesMs: 1_000,
};
