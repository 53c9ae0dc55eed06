import { applyDecorators } from '@nestjs/common';
import { Transform } from 'class-transformer';
import { Matches } from 'class-validator';
import { normalCode } from './code.js';

/** A code in a request, as people and machines write it; what the handler gets is digits alone. */
export function IsCode(least: number, most: number): PropertyDecorator {
  const words = least === most ? `the ${least} digits` : 'the digits';
  return applyDecorators(
    Transform(({ value }: { value: unknown }) => (typeof value === 'string' ? normalCode(value) : value)),
    Matches(new RegExp(`^[0-9]{${least},${most}}$`), { message: `must be ${words} of the mail, as a string` }),
  );
}
