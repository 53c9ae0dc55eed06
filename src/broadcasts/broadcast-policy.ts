import type { FieldError } from '../core/problems.js';
import { attributeFaults } from '../audiences/subscriber-policy.js';
import type { WordsFault } from '../mail/content/broadcast-words.js';

/** What a broadcast is in, as its times say. */
export const BROADCAST_STATUSES = ['scheduled', 'sending', 'paused', 'cancelled', 'done'] as const;
export type BroadcastStatus = (typeof BROADCAST_STATUSES)[number];

interface Times {
  startedAt: Date | null;
  pausedAt: Date | null;
  cancelledAt: Date | null;
  finishedAt: Date | null;
}

export function statusOf({ startedAt, pausedAt, cancelledAt, finishedAt }: Times): BroadcastStatus {
  if (cancelledAt) return 'cancelled';
  if (finishedAt) return 'done';
  if (pausedAt) return 'paused';
  return startedAt ? 'sending' : 'scheduled';
}

/** Faults of the words, by the field that holds them. */
export function wordsFaults(faults: readonly WordsFault[]): FieldError[] {
  // The languages of a template have most faults in common.
  const once = new Map(faults.map((fault) => [`${fault.form} ${fault.variable}`, fault]));
  return [...once.values()].map(({ form, variable, message }) => ({
    field: form,
    code: variable === undefined ? 'invalid_liquid' : 'unknown_variable',
    message:
      variable === undefined
        ? `is not Liquid that renders: ${message}`
        : `names ${variable}: there are subscriber.email, subscriber.locale, the attributes of subscribers such as subscriber.name, product and unsubscribeUrl`,
  }));
}

/** Of attributes that the words ask for without a default, and that so many subscribers lack. */
export function lackingFaults(lacking: readonly { name: string; count: number }[], of: number): FieldError[] {
  return lacking.map(({ name, count }) => ({
    field: `subscriber.${name}`,
    code: 'unknown_variable',
    message: `is not known of ${count} of ${of} subscribers: write {{ subscriber.${name} | default: "…" }}, or leave them out by a filter`,
  }));
}

export function filterFaults(attributes: Readonly<Record<string, unknown>>): FieldError[] {
  return attributeFaults(attributes, 'filter');
}
