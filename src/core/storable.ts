import { MOST_NAMED, Problem } from './problems.js';

/** Characters of the name of a member in the answer. */
const LONGEST_PLACE = 200;

/** Whether Postgres holds it as text and JSON as a string: no NUL, and no half of a surrogate pair. */
export function isStorable(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed();
}

/** For words that were heard: a blank stands for each NUL, U+FFFD for each half of a pair. */
export function storable(text: string): string {
  return isStorable(text) ? text : text.replaceAll('\0', ' ').toWellFormed();
}

/** The beginning of a text, of so many UTF-16 units at most; a pair is never cut in two. */
export function cut(text: string, length: number): string {
  const last = text.length > length ? text.charCodeAt(length - 1) : 0;
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? length - 1 : length);
}

/** The same value, and where a text in it is not storable a copy of it with all texts made so. Class instances stay as they are. */
export function storableThroughout<T>(value: T): T {
  if (typeof value === 'string') return storable(value) as T;
  if (Array.isArray(value)) {
    const items = value.map(storableThroughout) as unknown[];
    return items.every((item, index) => item === value[index]) ? value : (items as T);
  }
  if (!isPlain(value)) return value;
  const members = Object.entries(value).map(([name, inner]) => [storable(name), storableThroughout(inner)] as const);
  return members.every(([name, inner]) => Object.is(value[name], inner)) ? value : (Object.fromEntries(members) as T);
}

/**
 * A parameter of a statement that Postgres takes. JSON hides NUL and halves of pairs behind escapes, which `jsonb`
 * refuses: where it has escapes at all it is read and written anew.
 */
export function storableParameter(value: unknown): unknown {
  if (typeof value !== 'string') return Array.isArray(value) ? value.map(storableParameter) : value;
  if (!/^[[{"]/.test(value) || !value.includes('\\u')) return storable(value);
  try {
    return JSON.stringify(storableThroughout(JSON.parse(value) as unknown));
  } catch {
    return storable(value); // begins like JSON, and is none
  }
}

/**
 * Refuses what a stranger sent where a text in it, or the name of a member, is not storable. Does not go down by recursion:
 * a body can be nested deeper than the stack is.
 * @throws Problem `validation_failed` that names the members
 */
export function requireStorable(...parts: unknown[]): void {
  const places = parts.flatMap(unstorableIn);
  if (places.length === 0) return;
  const message = 'must not contain NUL or half of a surrogate pair';
  throw new Problem('validation_failed', { errors: places.slice(0, MOST_NAMED).map((field) => ({ field, code: 'unstorable', message })) });
}

/** Where it is: the members on the way, joined by dots. */
function unstorableIn(value: unknown): string[] {
  const places: string[] = [];
  const left: { place: string; value: unknown }[] = [{ place: '', value }];
  for (let next = 0; next < left.length && places.length < MOST_NAMED; next++) {
    const { place, value: inner } = left[next]!;
    if (typeof inner === 'string' && !isStorable(inner)) places.push(shown(place));
    if (typeof inner !== 'object' || inner === null || ArrayBuffer.isView(inner)) continue;
    for (const [name, member] of Object.entries(inner)) {
      const whole = place === '' ? name : `${place}.${name}`;
      if (isStorable(name)) left.push({ place: whole, value: member });
      else places.push(shown(whole));
    }
  }
  return places;
}

function shown(place: string): string {
  return cut(storable(place), LONGEST_PLACE);
}

function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
