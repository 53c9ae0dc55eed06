import { applyDecorators } from '@nestjs/common';
import { Transform } from 'class-transformer';
import { Matches } from 'class-validator';
import { normalCode } from './code.js';

/**
 * A code in a request, as people and machines write it; what the handler gets is digits alone.
 * @param words such as `the six digits`
 */
export function IsCode(pattern: RegExp, words: string): PropertyDecorator {
  return applyDecorators(
    Transform(({ value }: { value: unknown }) => (typeof value === 'string' ? normalCode(value) : value)),
    Matches(pattern, { message: `must be ${words} of the mail, as a string` }),
  );
}
