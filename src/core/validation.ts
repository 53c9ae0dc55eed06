import { applyDecorators, type ArgumentMetadata, type Type, ValidationPipe } from '@nestjs/common';
import { getMetadataStorage, IsObject, type ValidationError } from 'class-validator';
import { type FieldError, MOST_NAMED, Problem } from './problems.js';

/** Levels of members and lists in a body; the deepest that the API describes has four. */
export const MAX_DEPTH = 32;

/**
 * The member of `body` that is nested deeper than that, or undefined. What validates and transforms bodies goes down by
 * recursion, and a body of 64 KiB can be 30,000 levels deep: more than the stack holds. This looks level by level.
 */
export function tooDeepMember(body: unknown, maxDepth = MAX_DEPTH): string | undefined {
  let level = membersOf(body).map(([name, value]) => ({ member: name, value }));
  for (let depth = 1; depth < maxDepth && level.length > 0; depth++) {
    level = level.flatMap(({ member, value }) => membersOf(value).map(([, inner]) => ({ member, value: inner })));
  }
  return level.find(({ value }) => typeof value === 'object' && value !== null)?.member;
}

function membersOf(value: unknown): [string, unknown][] {
  return typeof value === 'object' && value !== null && !ArrayBuffer.isView(value) ? Object.entries(value) : [];
}

/** Members of a body, in all its levels; the largest that the API describes has some thirty. */
const MOST_MEMBERS = 1_000;

/** More faults than are named: no program sends that by mistake, so it costs its sender like a call that is limited. */
export class TooManyFaults extends Problem {
  /** @param errors the first of them @param all how many there are */
  constructor(
    errors: readonly FieldError[],
    readonly all: number,
  ) {
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

/** @param errors not empty @param all how many there are, where these are the first of more */
export function refusalOf(errors: readonly FieldError[], all = errors.length): Problem {
  return all > MOST_NAMED ? new TooManyFaults(errors, all) : new Problem('validation_failed', { errors: [...errors] });
}

/**
 * The refusal of what has more unknown fields than are named, before anything is made of each of them; and of fields
 * that every object has already, such as `toString`: what validates takes these for known, and calls them.
 */
export function unknownFieldsRefusal(value: object, known: ReadonlySet<string>): Problem | undefined {
  const unknown = Object.keys(value).filter((name) => !known.has(name));
  if (unknown.length > MOST_NAMED)
    return new TooManyFaults(unknown.slice(0, MOST_NAMED).map(unknownField), unknown.length);
  return unknown.some((name) => name in Object.prototype) ? refusalOf(unknown.map(unknownField)) : undefined;
}

export function unknownField(field: string): FieldError {
  return { field, code: 'unknown_field', message: 'is not a field of this request' };
}

/** Looks at no more of them than may be. */
export function hasTooManyMembers(body: unknown, most = MOST_MEMBERS): boolean {
  const rest = [body];
  for (let members = 0; rest.length > 0;) {
    const value = rest.pop();
    if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) continue;
    const inner: unknown[] = Array.isArray(value) ? value : Object.values(value);
    members += inner.length;
    if (members > most) return true;
    rest.push(...inner);
  }
  return false;
}

const OPEN = Symbol('names of fields that are open objects');

/**
 * An object whose members the sender names, left as it came: class-transformer copies objects without the members that
 * every object has already (`toString`), and fails at `constructor`.
 */
export function IsOpenObject(): PropertyDecorator {
  return applyDecorators(IsObject(), (target: object, name: string | symbol) =>
    Reflect.defineMetadata(OPEN, new Set([...openFieldsOf(target), name]), target),
  );
}

/** @param target the prototype of a described class */
function openFieldsOf(target: object): ReadonlySet<string | symbol> {
  return (Reflect.getMetadata(OPEN, target) as ReadonlySet<string | symbol> | undefined) ?? new Set();
}

/**
 * Members within described objects that every object has already: what transforms them leaves them out without a word.
 */
function inheritedMembers(value: unknown, path: string): FieldError[] {
  return membersOf(value).flatMap(([name, inner]) =>
    !Array.isArray(value) && name in Object.prototype
      ? [unknownField(`${path}.${name}`)]
      : inheritedMembers(inner, `${path}.${name}`),
  );
}

/**
 * class-validator looks through all classes for the parents of one, for each object that it checks; what it finds
 * changes with a decorator only.
 */
function rememberRules(): void {
  const storage = getMetadataStorage();
  if (Object.hasOwn(storage, 'getTargetValidationMetadatas')) return;
  const [find, add] = [storage.getTargetValidationMetadatas.bind(storage), storage.addValidationMetadata.bind(storage)];
  const known = new Map<unknown, ReturnType<typeof find>>();
  storage.addValidationMetadata = (rule) => {
    known.clear();
    add(rule);
  };
  storage.getTargetValidationMetadatas = (type, schema, always, strict, groups) => {
    if (schema || always || strict || groups?.length) return find(type, schema, always, strict, groups);
    const rules = known.get(type) ?? find(type, schema, always, strict, groups);
    known.set(type, rules);
    return rules;
  };
  const group = storage.groupByPropertyName.bind(storage);
  const grouped = new WeakMap<object, ReturnType<typeof group>>();
  storage.groupByPropertyName = (rules) => {
    const groups = grouped.get(rules) ?? group(rules);
    grouped.set(rules, groups);
    return groups;
  };
}

/** Bodies against their classes: what is not described is refused, and every fault is told at once. */
export function validationPipe(): ValidationPipe {
  rememberRules();
  return new BoundedPipe({
    whitelist: true,
    forbidNonWhitelisted: true,
    forbidUnknownValues: true,
    skipUndefinedProperties: false,
    transform: true,
    exceptionFactory: (errors) => refusalOf(errors.flatMap((error) => fieldErrors(error))),
  });
}

/**
 * Refuses at a glance what would take long to look at: what validates makes an object of every member and every fault.
 */
class BoundedPipe extends ValidationPipe {
  private readonly described = new Map<Type<unknown>, ReadonlySet<string>>();

  override async transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    if (typeof value !== 'object' || value === null || metadata.type === 'param' || metadata.type === 'custom')
      return super.transform(value, metadata);
    const refusal = this.unknownFields(value, metadata.metatype);
    if (refusal) throw refusal;
    if (hasTooManyMembers(value)) throw new TooManyMembers();
    const field = tooDeepMember(value);
    if (field === undefined) return this.transformClosed(value, metadata);
    throw new Problem('validation_failed', {
      errors: [{ field, code: 'too_deep', message: `is nested more than ${MAX_DEPTH} levels deep` }],
    });
  }

  /** Open objects stand aside meanwhile, as empty ones. */
  private async transformClosed(value: object, metadata: ArgumentMetadata): Promise<unknown> {
    const { metatype } = metadata;
    // Without a class that describes it, a body is whatever its route reads: a stream, bytes, a list.
    if (metatype === undefined || this.fieldsOf(metatype).size === 0 || Array.isArray(value))
      return super.transform(value, metadata);
    const open = openFieldsOf(metatype.prototype as object);
    const closed: Record<string, unknown> = { ...value };
    const aside: Record<string, unknown> = {};
    const inherited: FieldError[] = [];
    for (const [name, inner] of Object.entries(value)) {
      if (open.has(name) && typeof inner === 'object' && inner !== null && !Array.isArray(inner)) {
        aside[name] = inner;
        closed[name] = {};
      } else inherited.push(...inheritedMembers(inner, name));
    }
    if (inherited.length > 0) throw refusalOf(inherited);
    return Object.assign((await super.transform(closed, metadata)) as object, aside);
  }

  /**
   * Nothing is taken out of what came: the parser of JSON refuses `__proto__`, and nothing here is merged into an
   * object.
   */
  protected override stripProtoKeys(): void {}

  private unknownFields(value: object, type: Type<unknown> | undefined): Problem | undefined {
    if (type === undefined || type === Object || type === Array || Array.isArray(value)) return undefined;
    return unknownFieldsRefusal(value, this.fieldsOf(type));
  }

  private fieldsOf(type: Type<unknown>): ReadonlySet<string> {
    let known = this.described.get(type);
    if (!known) {
      known = new Set(
        getMetadataStorage()
          .getTargetValidationMetadatas(type, '', false, false)
          .map(({ propertyName }) => propertyName),
      );
      this.described.set(type, known);
    }
    return known;
  }
}

function fieldErrors(error: ValidationError, parent = ''): FieldError[] {
  const field = parent + error.property;
  const own = Object.entries(error.constraints ?? {}).map(([name, message]) =>
    name === 'whitelistValidation'
      ? unknownField(field)
      : { field, code: snakeCase(name), message: message.replace(`${error.property} `, '') },
  );
  return [...own, ...(error.children ?? []).flatMap((child) => fieldErrors(child, `${field}.`))];
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
