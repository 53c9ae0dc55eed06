import { Liquid } from 'liquidjs';

/**
 * A missing variable is an error, never an empty place in somebody's mail. No file is read: a template stands for
 * itself.
 */
export const STRICT = { strictVariables: true, strictFilters: true, ownPropertyOnly: true, templates: {} } as const;

/** What a text may cost each time: milliseconds, and about as many bytes; `parseLimit` in characters. */
interface Bounds {
  parseLimit?: number;
  renderLimit: number;
  memoryLimit: number;
}

/** For texts that others than we wrote, over values that yet others gave; an `if` may ask for what is not there. */
export function boundedLiquid(bounds: Bounds): { plain: Liquid; html: Liquid } {
  const options = { ...STRICT, lenientIf: true, ...bounds };
  return { plain: new Liquid(options), html: new Liquid({ ...options, outputEscape: 'escape' }) };
}
