export type Schema = Record<string, unknown>;

/**
 * An object that has these keys and no other: a misspelt key of a blueprint is ignored, or refused, only where it is
 * deployed.
 */
export function closed(properties: Record<string, Schema>, required: readonly string[] = []): Schema {
  return { type: 'object', properties, required, additionalProperties: false };
}

export const text: Schema = { type: 'string', minLength: 1 };
export const count: Schema = { type: 'integer', minimum: 1 };
export const texts: Schema = { type: 'array', items: text, minItems: 1 };

export function oneOf(...values: readonly (string | number | boolean)[]): Schema {
  return { enum: values };
}

export function listOf(items: Schema): Schema {
  return { type: 'array', items, minItems: 1 };
}
