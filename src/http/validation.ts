import { type ArgumentMetadata, ValidationPipe } from '@nestjs/common';
import type { ValidationError } from 'class-validator';
import { type FieldError, Problem } from '../core/problems.js';
import { MAX_DEPTH, tooDeepMember } from './depth-policy.js';

/** Bodies against their classes: what is not described is refused, and every fault is told at once. */
export function validationPipe(): ValidationPipe {
  return new DepthBoundPipe({
    whitelist: true,
    forbidNonWhitelisted: true,
    forbidUnknownValues: true,
    skipUndefinedProperties: false,
    transform: true,
    exceptionFactory: (errors) => new Problem('validation_failed', { errors: errors.flatMap((error) => fieldErrors(error)) }),
  });
}

class DepthBoundPipe extends ValidationPipe {
  override async transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    const field = metadata.type === 'body' ? tooDeepMember(value) : undefined;
    if (field === undefined) return super.transform(value, metadata);
    throw new Problem('validation_failed', { errors: [{ field, code: 'too_deep', message: `is nested more than ${MAX_DEPTH} levels deep` }] });
  }
}

function fieldErrors(error: ValidationError, parent = ''): FieldError[] {
  const field = parent + error.property;
  const own = Object.entries(error.constraints ?? {}).map(([name, message]) => ({
    field,
    code: name === 'whitelistValidation' ? 'unknown_field' : snakeCase(name),
    message: name === 'whitelistValidation' ? 'is not a field of this request' : message.replace(`${error.property} `, ''),
  }));
  return [...own, ...(error.children ?? []).flatMap((child) => fieldErrors(child, `${field}.`))];
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
