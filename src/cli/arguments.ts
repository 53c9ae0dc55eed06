import { readDuration } from '../access/access-policy.js';
import type { Destination } from '../core/destination.js';
import { type EmailAddress, parseEmailAddress } from '../core/email-address.js';
import { type Lane, LANES, MAIL_LANES } from '../core/lanes.js';
import { isOneLine } from '../core/one-line.js';
import { parseRate } from '../core/rate.js';

/** Arguments that are not understood; the message says which, and what is wanted. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Parses one of these values. */
export function oneOf<T extends string>(what: string, values: readonly T[]): (text: string) => T {
  return among(values, (text) => `There is no ${what} "${text}"; there are ${values.join(', ')}.`);
}

/** The same, for few values. */
export function eitherOf<T extends string>(flag: string, values: readonly T[]): (text: string) => T {
  return among(values, () => `${flag} is ${values.join(' or ')}.`);
}

function among<T extends string>(values: readonly T[], fault: (text: string) => string): (text: string) => T {
  return (text) => {
    const value = values.find((known) => known === text);
    if (value === undefined) throw new UsageError(fault(text));
    return value;
  };
}

export const laneIn = oneOf('lane', LANES);
export const mailLaneIn = oneOf('lane', MAIL_LANES);

/** All of them where none is named. */
export function lanesIn(names: readonly string[]): Lane[] {
  const named = names.map((name) => laneIn(name));
  return LANES.filter((one) => named.length === 0 || named.includes(one));
}

/** For an option that may be repeated. */
export function each<T>(parse: (text: string) => T): (text: string, before?: T[]) => T[] {
  return (text, before = []) => [...before, parse(text)];
}

/** A promise, for class-validator takes long to load and is loaded only here. */
export function moment(flag: string): (text: string) => Promise<Date> {
  return awaitedLater(async (text) => {
    const { isMoment } = await import('../core/input.js');
    if (isMoment(text)) return new Date(text);
    throw new UsageError(`${flag} is a date and time with its offset, such as 2030-01-31T09:00:00Z.`);
  });
}

function awaitedLater<T>(parse: (text: string) => Promise<T>): (text: string) => Promise<T> {
  return (text) => {
    const parsed = parse(text);
    parsed.catch(() => undefined); // whoever awaits it is told; another fault may end the command before
    return parsed;
  };
}

export function wholeNumber(flag: string, least: number, most: number): (text: string) => number {
  return (text) => {
    const number = /^\d{1,7}$/.test(text) ? Number(text) : Number.NaN;
    if (!(number >= least && number <= most))
      throw new UsageError(`${flag} is a whole number from ${least} to ${most}.`);
    return number;
  };
}

/** An hour: whoever runs the command watches it. */
const LONGEST_TIME_MS = 3_600_000;

/** Milliseconds. */
export function time(flag: string): (text: string) => number {
  return (text) => {
    // A time is what stands behind the slash of a rate.
    const ms = parseRate(`1/${text}`)?.windowMs;
    if (ms !== undefined && ms <= LONGEST_TIME_MS && /^\d/.test(text)) return ms;
    throw new UsageError(`${flag} is a time of at most 60min, such as 30s or 5min.`);
  };
}

/** Milliseconds of a lifetime. */
export function lifetime(flag: string, example: string): (text: string) => number {
  return (text) => {
    const ms = readDuration(text);
    if (ms !== undefined) return ms;
    throw new UsageError(`${flag} is a number of days or hours, at most ten years, such as ${example} or 12h.`);
  };
}

/** By the rule of the API. */
export function emailAddress(what: string): (text: string) => EmailAddress {
  return (text) => {
    const parsed = parseEmailAddress(text);
    if (!parsed) throw new UsageError(`${what} must be an e-mail address such as ada@example.com.`);
    return parsed;
  };
}

/**
 * Where a message may have gone, by the rule of the API. A promise, for what knows all countries is loaded only here.
 */
export function destination(what: string): (text: string) => Promise<Destination> {
  return awaitedLater(async (text) => {
    const { parseDestination } = await import('../core/destination.js');
    const parsed = parseDestination(text);
    if (parsed) return parsed;
    throw new UsageError(
      `${what} must be an e-mail address such as ada@example.com, or a number such as +639171234567.`,
    );
  });
}

/** Null where nothing but blanks was given. `most`: characters. */
export function oneLine(flag: string, most: number): (text: string) => string | null {
  return (text) => {
    const line = text.trim();
    if (line.length <= most && isOneLine(line)) return line || null;
    throw new UsageError(`${flag} is one line of at most ${most} characters.`);
  };
}

/** The only name that was given. */
export function onlyOne(wanted: string): (names: readonly string[]) => string {
  return ([name, ...more]) => {
    if (name === undefined || more.length > 0) throw new UsageError(wanted);
    return name;
  };
}
