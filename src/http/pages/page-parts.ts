import { type Html, html } from '../../core/html.js';

/** A form that is a button. */
export function buttonForm({
  action,
  label,
  quiet = false,
  name,
}: {
  action: string;
  label: string;
  quiet?: boolean;
  name?: string;
}): Html {
  return html`<form method="post" action="${action}">
    <button type="submit" class="${quiet && 'quiet'}"${name !== undefined && html` aria-label="${name}"`}>${label}</button>
  </form>`;
}

/** What is wrong with a field; its `aria-describedby` is `fault`. */
export function faultLine(fault: string | undefined): Html | undefined {
  return fault === undefined ? undefined : html`<p class="fault" id="fault" role="alert">${fault}</p>`;
}

export function faultAttributes(fault: string | undefined): Html | undefined {
  return fault === undefined ? undefined : html`aria-invalid="true" aria-describedby="fault"`;
}

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

/** A field of a form that was sent; empty where it is missing, or stands there twice. */
export function formField(body: unknown, name: string): string {
  const value = typeof body === 'object' && body !== null ? (body as Record<string, unknown>)[name] : undefined;
  return typeof value === 'string' ? value : '';
}
