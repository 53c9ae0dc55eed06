import { createHash } from 'node:crypto';

/** Reading what strangers wrote: nothing here throws, and what is not as documented is absent. */
export type Fields = Readonly<Record<string, unknown>>;

/** The name under which messages carry our id. */
export const OUR_ID = 'otpost_id';

const LONGEST = 998; // of a line, RFC 5322 §2.1.1

/** @throws SyntaxError */
export function jsonOf(body: Buffer): unknown {
  return JSON.parse(body.toString('utf8'));
}

export function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

/** One or many, for providers that send either. */
export function listOf(value: unknown): Fields[] {
  return (Array.isArray(value) ? value : [value]).map(fieldsOf);
}

/** Numbers become text. Undefined when it is neither, or empty. */
export function textOf(value: unknown): string | undefined {
  if (typeof value === 'number' && Number.isFinite(value)) return String(value);
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined;
}

/** For what identifies: too long is none. */
export function idOf(value: unknown): string | undefined {
  const text = textOf(value)?.replace(/^<|>$/g, '');
  return text !== undefined && text.length <= LONGEST ? text : undefined;
}

/** The first that says anything. */
export function wordsOf(...values: unknown[]): string | undefined {
  return values.map(textOf).find((text) => text !== undefined);
}

/** Seconds since 1970, possibly as text or with a fraction; `otherwise` when it is none of this age. */
export function secondsOf(value: unknown, otherwise: Date): Date {
  return millisecondsOf(Number(textOf(value)) * 1_000, otherwise);
}

export function millisecondsOf(value: unknown, otherwise: Date): Date {
  const ms = Number(textOf(value));
  return ms > Date.UTC(2000, 0) && ms < Date.UTC(2200, 0) ? new Date(Math.round(ms)) : otherwise;
}

/** ISO 8601; `otherwise` when it is not. */
export function momentOf(value: unknown, otherwise: Date): Date {
  return millisecondsOf(Date.parse(textOf(value) ?? ''), otherwise);
}

/** For providers without an id of the event: the same when the same event is told again. */
export function keyOf(...parts: unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts.map((part) => part ?? null))).digest('base64url');
}
