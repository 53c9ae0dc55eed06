import { type Html, html } from '../../core/html.js';
import { FALLBACK_LOCALE } from '../../core/locales.js';

/** A form that is a button. */
export function buttonForm({
  action,
  label,
  quiet = false,
  name,
  field,
}: {
  action: string;
  label: Html;
  quiet?: boolean;
  name?: Html;
  /** What it sends: name and value. */
  field?: [string, string];
}): Html {
  return html`<form method="post" action="${action}">
    ${field && html`<input type="hidden" name="${field[0]}" value="${field[1]}" />`}
    <button type="submit" class="${quiet && 'quiet'}"${name !== undefined && html` aria-label="${name}"`}>${label}</button>
  </form>`;
}

/** What is wrong with a field, whose {@link faultAttributes} name it. @param id where a page may have two */
export function faultLine(fault: Html | undefined, id = 'fault'): Html | undefined {
  return fault === undefined ? undefined : html`<p class="fault" id="${id}" role="alert">${fault}</p>`;
}

export function faultAttributes(fault: unknown, id = 'fault'): Html | undefined {
  return fault === undefined ? undefined : html`aria-invalid="true" aria-describedby="${id}"`;
}

/** Such as "21 November 2026, 12:03 UTC"; without a script a page does not know the time of its reader. */
export function momentOf(at: Date, locale = FALLBACK_LOCALE): Html {
  const form = { dateStyle: 'long', timeStyle: 'short', timeZone: 'UTC', hourCycle: 'h23' } as const;
  const text = new Intl.DateTimeFormat(locale === 'en' ? 'en-GB' : locale, form).format(at);
  return html`<time datetime="${at.toISOString()}">${text.replace(' at ', ', ')} UTC</time>`;
}

/** Such as "5 minutes": never less than it takes. */
export function durationWords(seconds: number, locale = FALLBACK_LOCALE): string {
  if (seconds < 100) return count(seconds, 'second', locale);
  return seconds < 100 * 60 ? count(seconds / 60, 'minute', locale) : count(seconds / 3_600, 'hour', locale);
}

function count(amount: number, unit: string, locale: string): string {
  const form = { style: 'unit', unit, unitDisplay: 'long', useGrouping: false } as const;
  return new Intl.NumberFormat(locale, form).format(Math.max(1, Math.ceil(amount)));
}

/** A field of a form that was sent; empty where it is missing, or stands there twice. */
export function formField(body: unknown, name: string): string {
  const value = typeof body === 'object' && body !== null ? (body as Record<string, unknown>)[name] : undefined;
  return typeof value === 'string' ? value : '';
}
