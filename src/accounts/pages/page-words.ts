import { type Html, html } from '../../core/html.js';

const FORMAT = new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeStyle: 'short', timeZone: 'UTC' });

/** Such as "21 November 2026, 12:03 UTC"; without a script a page does not know the time of its reader. */
export function momentOf(at: Date): Html {
  return html`<time datetime="${at.toISOString()}">${FORMAT.format(at).replace(' at ', ', ')} UTC</time>`;
}

/** Such as "5 minutes": never less than it takes. */
export function durationWords(seconds: number): string {
  if (seconds < 100) return count(seconds, 'second');
  return seconds < 100 * 60 ? count(seconds / 60, 'minute') : count(seconds / 3_600, 'hour');
}

function count(amount: number, unit: string): string {
  const whole = Math.max(1, Math.ceil(amount));
  return `${whole} ${unit}${whole === 1 ? '' : 's'}`;
}
