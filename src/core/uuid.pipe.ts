import type { PipeTransform, Type } from '@nestjs/common';
import { Problem, type ProblemCode } from './problems.js';

export const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;

/** What cannot be the id of anything is not looked up. */
export function uuidPipe(code: ProblemCode): Type<PipeTransform<string, string>> {
  return class implements PipeTransform<string, string> {
    transform(id: string): string {
      if (!UUID.test(id)) throw new Problem(code);
      return id;
    }
  };
}
