import { type ArgumentMetadata, type Type, ValidationPipe } from '@nestjs/common';
import { getMetadataStorage, type ValidationError } from 'class-validator';
import { type FieldError, Problem } from '../core/problems.js';
import { MAX_DEPTH, tooDeepMember } from './depth-policy.js';
import { hasTooManyMembers, refusalOf, TooManyMembers, unknownField, unknownFieldsRefusal } from './faults-policy.js';

/** Bodies against their classes: what is not described is refused, and every fault is told at once. */
export function validationPipe(): ValidationPipe {
  return new BoundedPipe({
    whitelist: true,
    forbidNonWhitelisted: true,
    forbidUnknownValues: true,
    skipUndefinedProperties: false,
    transform: true,
    exceptionFactory: (errors) => refusalOf(errors.flatMap((error) => fieldErrors(error))),
  });
}

/** Refuses at a glance what would take long to look at: what validates makes an object of every member and every fault. */
class BoundedPipe extends ValidationPipe {
  private readonly described = new Map<Type<unknown>, ReadonlySet<string>>();

  override async transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    if (typeof value !== 'object' || value === null || metadata.type === 'param' || metadata.type === 'custom') return super.transform(value, metadata);
    const refusal = this.unknownFields(value, metadata.metatype);
    if (refusal) throw refusal;
    if (hasTooManyMembers(value)) throw new TooManyMembers();
    const field = tooDeepMember(value);
    if (field === undefined) return super.transform(value, metadata);
    throw new Problem('validation_failed', { errors: [{ field, code: 'too_deep', message: `is nested more than ${MAX_DEPTH} levels deep` }] });
  }

  private unknownFields(value: object, type: Type<unknown> | undefined): Problem | undefined {
    if (type === undefined || type === Object || type === Array || Array.isArray(value)) return undefined;
    let known = this.described.get(type);
    if (!known) {
      known = new Set(getMetadataStorage().getTargetValidationMetadatas(type, '', false, false).map(({ propertyName }) => propertyName));
      this.described.set(type, known);
    }
    return unknownFieldsRefusal(value, known);
  }
}

function fieldErrors(error: ValidationError, parent = ''): FieldError[] {
  const field = parent + error.property;
  const own = Object.entries(error.constraints ?? {}).map(([name, message]) =>
    name === 'whitelistValidation' ? unknownField(field) : { field, code: snakeCase(name), message: message.replace(`${error.property} `, '') },
  );
  return [...own, ...(error.children ?? []).flatMap((child) => fieldErrors(child, `${field}.`))];
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
