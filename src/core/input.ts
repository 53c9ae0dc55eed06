import { Readable } from 'node:stream';
import { isISO8601, ValidateBy, ValidateIf } from 'class-validator';
import { parseDestination } from './destination.js';
import { parseEmailAddress, parseSenderPattern } from './email-address.js';
import { isOneLine } from './one-line.js';
import { looksLikeNumber, parsePhoneNumber } from './phone-number.js';
import { MOST_NAMED, Problem } from './problems.js';

/**
 * A member that may be missing. `null` is a fault like any other value that does not fit: class-validator's own
 * IsOptional lets it through, and whoever reads the member then takes it for text.
 */
export function MayBeLeftOut(): PropertyDecorator {
  return ValidateIf((_, value) => value !== undefined);
}

/** A member that may be missing, or `null` where the documentation says what `null` means (`nullable: true`). */
export function MayBeNull(): PropertyDecorator {
  return ValidateIf((_, value) => value !== undefined && value !== null);
}

/**
 * RFC 3339, with its offset: a local time means another moment on every machine. Its offset must not carry it past the
 * year 9999 either: Postgres stores that, and no reader of ours could read the row.
 */
export function IsMoment(): PropertyDecorator {
  return ValidateBy({
    name: 'date_time',
    validator: {
      validate: isMoment,
      defaultMessage: () => 'must be a date and time with its offset, such as 2030-01-31T09:00:00Z',
    },
  });
}

export function isMoment(value: unknown): boolean {
  return (
    typeof value === 'string' &&
    /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/.test(value) &&
    isISO8601(value, { strict: true }) &&
    new Date(value).getUTCFullYear() <= 9999
  );
}

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

/**
 * The same value, and where a text in it is not storable a copy of it with all texts made so. Class instances stay as
 * they are.
 */
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
 * Refuses what a stranger sent where a text in it, or the name of a member, is not storable. Does not go down by
 * recursion: a body can be nested deeper than the stack is. Nor into a file that is read as it comes: a stream refers
 * to itself, and there would be no end.
 * @throws Problem `validation_failed` that names the members
 */
export function requireStorable(...parts: unknown[]): void {
  const places = parts.flatMap(unstorableIn);
  if (places.length === 0) return;
  const message = 'must not contain NUL or half of a surrogate pair';
  throw new Problem('validation_failed', {
    errors: places.slice(0, MOST_NAMED).map((field) => ({ field, code: 'unstorable', message })),
  });
}

/** Where it is: the members on the way, joined by dots. */
function unstorableIn(value: unknown): string[] {
  const places: string[] = [];
  const left: { place: string; value: unknown }[] = [{ place: '', value }];
  for (let next = 0; next < left.length && places.length < MOST_NAMED; next++) {
    const { place, value: inner } = left[next]!;
    if (typeof inner === 'string' && !isStorable(inner)) places.push(shown(place));
    if (typeof inner !== 'object' || inner === null || ArrayBuffer.isView(inner) || inner instanceof Readable) continue;
    const below = (name: string): string => (place === '' ? name : `${place}.${name}`);
    if (Array.isArray(inner)) {
      // A file may come as a list of millions of numbers: nothing is kept of what is well.
      inner.forEach((item: unknown, n) => {
        const isWell = typeof item === 'string' ? isStorable(item) : typeof item !== 'object' || item === null;
        if (!isWell) left.push({ place: below(String(n)), value: item });
      });
      continue;
    }
    for (const [name, member] of Object.entries(inner)) {
      if (isStorable(name)) left.push({ place: below(name), value: member });
      else places.push(shown(below(name)));
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

/** Of a text that is shown in lists, or stands in a field of a message. */
export function IsOneLine(): PropertyDecorator {
  return ValidateBy({
    name: 'matches',
    validator: {
      validate: (value: unknown) => typeof value === 'string' && isOneLine(value),
      defaultMessage: () => 'must be one line without control characters',
    },
  });
}

/** An address we would mail, in a request; which that is says email-address.ts. */
export function IsMailAddress(): PropertyDecorator {
  return ValidateBy({
    name: 'invalid_address',
    validator: {
      validate: (value: unknown) => typeof value === 'string' && parseEmailAddress(value) !== undefined,
      defaultMessage: () => 'must be an e-mail address such as ada@example.com',
    },
  });
}

/**
 * Where a code may go, in a request: such an address, or a number with its country; which those are says
 * destination.ts.
 * @param name code of the fault
 */
export function IsDestination(name = 'invalid_destination'): PropertyDecorator {
  return ValidateBy({
    name,
    validator: {
      validate: (value: unknown) => typeof value === 'string' && parseDestination(value) !== undefined,
      defaultMessage: (args) =>
        typeof args?.value === 'string' && looksLikeNumber(args.value)
          ? 'must have the country before the number, as E.164 has it, such as +639171234567 in place of 0917 123 4567'
          : 'must be an e-mail address such as ada@example.com, or a number such as +639171234567',
    },
  });
}

/** A number with its country, in a request; which that is says phone-number.ts. */
export function IsPhoneNumber(): PropertyDecorator {
  return ValidateBy({
    name: 'invalid_number',
    validator: {
      validate: (value: unknown) => typeof value === 'string' && parsePhoneNumber(value) !== undefined,
      defaultMessage: () =>
        'must be a number with its country, as E.164 has it, such as +639171234567 in place of 0917 123 4567',
    },
  });
}

/** Each of a list: such an address, or `@` and a domain for all addresses of that domain. */
export function AreSenderPatterns(): PropertyDecorator {
  return ValidateBy(
    {
      name: 'invalid_sender',
      validator: {
        validate: (value: unknown) => typeof value === 'string' && parseSenderPattern(value) !== undefined,
        defaultMessage: () => 'each must be an e-mail address or a domain such as @example.com',
      },
    },
    { each: true },
  );
}
