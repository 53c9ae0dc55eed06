import type { Schemas } from './api/client';

export type Status = Schemas['EmailItemView']['status'];

/** What each state means, for those who point at it. */
export const STATUS_WORDS: Record<Status, string> = {
  scheduled: 'Waits for the time it was scheduled for',
  queued: 'Waits for a worker',
  sending: 'A worker is handing it over',
  deferred: 'Could not be handed over yet, and is tried again by itself',
  sent: 'The next mail server took it',
  delivered: 'The provider says that it reached the mailbox',
  bounced: 'Taken, and came back',
  complained: 'The recipient called it junk',
  failed: 'Refused, or every try was used up',
  unknown: 'The answer to the last byte was lost: perhaps it was taken',
  cancelled: 'Taken back before it went out',
  expired: 'Was not handed over in time',
  suppressed: 'Its address is on the suppression list',
};
export const STATUSES = Object.keys(STATUS_WORDS) as Status[];

export const RETRYABLE: Status[] = ['failed', 'deferred'];
export const CANCELLABLE: Status[] = ['scheduled', 'queued', 'deferred'];

export type Tone = 'good' | 'wait' | 'bad' | 'doubt' | 'quiet';
export const TONES: Record<Status, Tone> = {
  scheduled: 'quiet',
  queued: 'wait',
  sending: 'wait',
  deferred: 'wait',
  sent: 'good',
  delivered: 'good',
  bounced: 'bad',
  complained: 'bad',
  failed: 'bad',
  unknown: 'doubt',
  cancelled: 'quiet',
  expired: 'bad',
  suppressed: 'quiet',
};

export const RESOLUTIONS = [
  {
    as: 'sent',
    title: 'It was sent',
    text: 'The server has it: its log says so, or the recipient does. Nothing is sent again.',
  },
  {
    as: 'not_sent',
    title: 'It was not sent, send it again',
    text: 'The server never took it. It goes out again at once; if it was taken after all, the recipient has it twice.',
  },
  {
    as: 'failed',
    title: 'Leave it',
    text: 'It does not matter any more, such as a code that has expired. It counts as failed, and can be retried later.',
  },
] as const;

const NUMBER = new Intl.NumberFormat('en');
export const count = (value: number): string => NUMBER.format(value);

export function many(value: number, one: string, several = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : several}`;
}

/** `840 ms`, `2.4 s`, `3 min`, `5 h`, `2 days` */
export function span(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  const s = ms / 1_000;
  if (s < 10) return `${s.toFixed(1)} s`;
  if (s < 90) return `${Math.round(s)} s`;
  if (s < 5_400) return `${Math.round(s / 60)} min`;
  if (s < 172_800) return `${Math.round(s / 3_600)} h`;
  return `${Math.round(s / 86_400)} days`;
}

/** `840 B`, `12 kB`, `3.4 MB` */
export function size(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  return bytes < 1_000_000 ? `${Math.round(bytes / 1_000)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}

export const ago = (at: string, now = Date.now()): string => {
  const ms = now - Date.parse(at);
  return ms < 0 ? `in ${span(-ms)}` : ms < 2_000 ? 'now' : `${span(ms)} ago`;
};

const EXACT = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'medium' });
const TODAY = new Intl.DateTimeFormat('en', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
});
const DAY = new Intl.DateTimeFormat('en', {
  month: 'short',
  day: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  hourCycle: 'h23',
});
export const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** In the zone of whoever looks. */
export const exact = (at: string): string => `${EXACT.format(new Date(at))} (${ZONE})`;
export function short(at: string): string {
  const date = new Date(at);
  return date.toDateString() === new Date().toDateString() ? TODAY.format(date) : DAY.format(date);
}
