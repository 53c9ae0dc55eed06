import { type FieldError, MOST_NAMED, Problem } from '../core/problems.js';

/** Members of a body, in all its levels; the largest that the API describes has some thirty. */
export const MOST_MEMBERS = 1_000;

/** More faults than are named: no program sends that by mistake, so it costs its sender like a call that is limited. */
export class TooManyFaults extends Problem {
  /** @param errors the first of them @param all how many there are */
  constructor(errors: readonly FieldError[], all: number) {
    super('validation_failed', {
      errors: errors.slice(0, MOST_NAMED),
      extensions: { moreErrors: all - MOST_NAMED },
      detail: `${all} fields are not acceptable; the first ${MOST_NAMED} are named.`,
    });
  }
}

/** Too large a body to look at what is in it. */
export class TooManyMembers extends Problem {
  constructor() {
    super('validation_failed', {
      errors: [{ field: 'body', code: 'too_many_members', message: `has more than ${MOST_MEMBERS} members and items` }],
    });
  }
}

/** @param errors not empty */
export function refusalOf(errors: readonly FieldError[]): Problem {
  return errors.length > MOST_NAMED ? new TooManyFaults(errors, errors.length) : new Problem('validation_failed', { errors: [...errors] });
}

/**
 * The refusal of what has more unknown fields than are named, before anything is made of each of them; and of fields that
 * every object has already, such as `toString`: what validates takes these for known, and calls them.
 */
export function unknownFieldsRefusal(value: object, known: ReadonlySet<string>): Problem | undefined {
  const unknown = Object.keys(value).filter((name) => !known.has(name));
  if (unknown.length > MOST_NAMED) return new TooManyFaults(unknown.slice(0, MOST_NAMED).map(unknownField), unknown.length);
  return unknown.some((name) => name in Object.prototype) ? refusalOf(unknown.map(unknownField)) : undefined;
}

export function unknownField(field: string): FieldError {
  return { field, code: 'unknown_field', message: 'is not a field of this request' };
}

/** Looks at no more of them than may be. */
export function hasTooManyMembers(body: unknown, most = MOST_MEMBERS): boolean {
  const rest = [body];
  for (let members = 0; rest.length > 0; ) {
    const value = rest.pop();
    if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) continue;
    const inner: unknown[] = Array.isArray(value) ? value : Object.values(value);
    members += inner.length;
    if (members > most) return true;
    rest.push(...inner);
  }
  return false;
}
