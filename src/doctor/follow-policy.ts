import type { Lane } from '../core/lanes.js';
import type { MailFacts } from '../health/mail-facts.js';
import { type MailProblem, reportOf } from '../health/mail-report-policy.js';

/** A state that a message does not leave by itself; `sent` may still become bounced, which the provider tells later. */
const ENDS: Readonly<Record<string, 'good' | 'bad'>> = {
  sent: 'good',
  delivered: 'good',
  complained: 'bad',
  bounced: 'bad',
  failed: 'bad',
  unknown: 'bad',
  suppressed: 'bad',
  expired: 'bad',
  cancelled: 'bad',
};

export function endOf(status: string): 'good' | 'bad' | undefined {
  return ENDS[status];
}

export interface WaitingMessage {
  status: string;
  lane: Lane;
  nextAttemptAt: Date;
  lastErrorCode: string | null;
}

/** What may hold up any message. The others are of no concern to this one. */
const HOLDS_UP: readonly MailProblem['code'][] = ['lane_paused', 'no_worker', 'lane_without_worker', 'transport_paused', 'transport_backing_off', 'transport_unreachable', 'sender_refused'];

/**
 * Why a message has not gone yet, in plain words, the likeliest reason first.
 * @param transports as in MAIL_TRANSPORTS
 * @param rated those of them that have a rate or a daily quota
 */
export function whyWaiting(message: WaitingMessage, facts: MailFacts, transports: readonly string[], rated: readonly string[], now: Date): string[] {
  const { problems } = reportOf(facts, { transports, broker: { kind: 'not asked', up: true } });
  const reasons = problems
    .filter(({ code }) => HOLDS_UP.includes(code))
    .filter(({ code, message: words }) => (code !== 'lane_without_worker' && code !== 'lane_paused') || new RegExp(`lane ${message.lane}[. ]`).test(words))
    .map(({ message: words, remedy }) => `${words} ${remedy}`);
  if (message.status === 'sending') reasons.push('A worker is handing it over at this moment.');
  if (message.status === 'deferred') {
    const seconds = Math.max(0, Math.ceil((message.nextAttemptAt.getTime() - now.getTime()) / 1_000));
    reasons.push(`The last attempt did not get through (${message.lastErrorCode ?? 'no code'}); the next one is in ${seconds} s.`);
  }
  if (reasons.length === 0 && rated.length > 0) reasons.push(`The rate or the daily quota of ${rated.join(', ')} is probably used up: other mail was first.`);
  return reasons.length > 0 ? reasons : ['Nothing is known to hold it up: other mail of its lane may be first.'];
}
