import { ApiExtension } from '@nestjs/swagger';
import type { ProblemCode } from './problems.js';

/** Where a route says who may call it: a scope, and the role of a person. It stays in the document. */
export const ACCESS_EXTENSION = 'x-access';
/** Where {@link Problems} leaves its codes; http/problem-responses.ts makes responses of them. */
export const PROBLEMS_EXTENSION = 'x-problems';

/**
 * The codes that a call answers for reasons of its own, for the documentation. What follows from the form of the route
 * (who may call it, its parameters and its body) is added where the document is made.
 */
export function Problems(...codes: ProblemCode[]): MethodDecorator {
  return ApiExtension(PROBLEMS_EXTENSION, codes);
}
