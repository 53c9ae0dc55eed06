import type { IncomingMessage } from 'node:http';

const TYPES = new WeakMap<IncomingMessage, string>();

/** Notes what a body that is read as it comes was declared as. */
export function noteBodyType(request: IncomingMessage, type: string): void {
  TYPES.set(request, type);
}

/** What it was declared as, in lower case and without parameters; undefined where nothing was. */
export function bodyTypeOf(request: IncomingMessage): string | undefined {
  return TYPES.get(request)?.split(';')[0]!.trim().toLowerCase();
}
