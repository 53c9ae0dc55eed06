/** Kinds of mail that must not wait for one another: codes, ordinary mail, fan-out. */
export const MAIL_LANES = ['critical', 'default', 'bulk'] as const;
export type MailLane = (typeof MAIL_LANES)[number];

/**
 * Codes by SMS have a lane of their own: it is the lane that a worker claims by, so that none of a version that knows
 * nothing of SMS takes one, and that transports are chosen by.
 */
export const LANES = [...MAIL_LANES, 'sms'] as const;
export type Lane = (typeof LANES)[number];

export const CHANNELS = ['email', 'sms'] as const;
export type Channel = (typeof CHANNELS)[number];

export function isLane(text: string): text is Lane {
  return (LANES as readonly string[]).includes(text);
}

export function isMailLane(text: string): text is MailLane {
  return (MAIL_LANES as readonly string[]).includes(text);
}

export function channelOf(lane: Lane): Channel {
  return lane === 'sms' ? 'sms' : 'email';
}

/** Of codes, for which somebody waits. */
export function isUrgent(lane: Lane): boolean {
  return lane === 'critical' || lane === 'sms';
}
