import type { OpenAPIObject } from '@nestjs/swagger';
import { type Html, html } from '../../core/html.js';

/** As much of a JSON Schema (OpenAPI 3.1) as our document has. */
export interface Schema {
  $ref?: string;
  type?: string | string[];
  format?: string;
  description?: string;
  example?: unknown;
  examples?: unknown[];
  default?: unknown;
  enum?: unknown[];
  nullable?: boolean;
  required?: string[];
  properties?: Record<string, Schema>;
  additionalProperties?: Schema | boolean;
  items?: Schema;
  allOf?: Schema[];
  oneOf?: Schema[];
  anyOf?: Schema[];
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  maxItems?: number;
}

/** Fields within fields that are shown; deeper ones are named by their type alone. */
const DEEPEST = 4;

/** Reads the schemas of one document. */
export class Schemas {
  private readonly known: Record<string, Schema>;

  constructor({ components }: OpenAPIObject) {
    this.known = (components?.schemas ?? {}) as Record<string, Schema>;
  }

  /** Without references, and with the parts of `allOf` in one. */
  plain(schema: Schema): Schema {
    if (schema.$ref !== undefined) {
      const { $ref, ...own } = schema;
      return { ...this.plain(this.known[$ref.split('/').at(-1)!] ?? {}), ...own };
    }
    if (!schema.allOf) return schema;
    const parts = schema.allOf.map((part) => this.plain(part));
    const own: Schema = { ...schema };
    delete own.allOf;
    return {
      ...(Object.assign({}, ...parts, own) as Schema),
      properties: Object.assign({}, ...parts.map(({ properties }) => properties)) as Record<string, Schema>,
      required: parts.flatMap(({ required = [] }) => required),
    };
  }

  /** Such as `string (date-time) or null`. */
  typeOf(given: Schema): string {
    const schema = this.plain(given);
    const others = schema.oneOf ?? schema.anyOf;
    if (others) return others.map((one) => this.typeOf(one)).join(' or ');
    const types = [schema.type ?? (schema.properties ? 'object' : 'any')].flat();
    const named = types.map((type) => (type === 'array' ? `list of ${this.typeOf(schema.items ?? {})}` : type));
    const format = schema.format === undefined ? '' : ` (${schema.format})`;
    const orNull = schema.nullable === true && !types.includes('null') ? ' or null' : '';
    return named.join(' or ') + format + orNull;
  }

  /** A value that fits: its own example, or one made of the examples of its fields that are required or have one. */
  example(given: Schema, depth = 0): unknown {
    const schema = this.plain(given);
    if (schema.example !== undefined) return schema.example;
    if (schema.examples?.[0] !== undefined) return schema.examples[0];
    if (schema.default !== undefined) return schema.default;
    if (schema.enum?.[0] !== undefined) return schema.enum[0];
    const one = (schema.oneOf ?? schema.anyOf)?.[0];
    if (one) return this.example(one, depth);
    const [type] = [schema.type ?? (schema.properties ? 'object' : 'string')].flat();
    switch (type) {
      case 'object':
        return depth > DEEPEST ? {} : this.exampleObject(schema, depth);
      case 'array':
        return depth > DEEPEST ? [] : [this.example(schema.items ?? {}, depth + 1)];
      case 'integer':
      case 'number':
        return schema.minimum ?? 1;
      case 'boolean':
        return true;
      default:
        return EXAMPLES[schema.format ?? ''] ?? 'text';
    }
  }

  /** The fields of an object, or of the objects in a list. */
  fields(given: Schema, depth = 0): Html | false {
    const schema = this.plain(given);
    if (schema.items) return this.fields(schema.items, depth);
    const properties = Object.entries(schema.properties ?? {});
    if (properties.length === 0 || depth >= DEEPEST) return false;
    return html`<ul class="fields">${properties.map(([name, field]) => this.field(name, field, schema.required ?? [], depth))}</ul>`;
  }

  /** Type, bounds and meaning, in one line. */
  facts(given: Schema): Html {
    const schema = this.plain(given);
    const bounds = [
      schema.minLength !== undefined && `at least ${schema.minLength} characters`,
      schema.maxLength !== undefined && `at most ${schema.maxLength} characters`,
      schema.minimum !== undefined && `from ${schema.minimum}`,
      schema.maximum !== undefined && `to ${schema.maximum}`,
      schema.maxItems !== undefined && `at most ${schema.maxItems}`,
      schema.default !== undefined && `default ${JSON.stringify(schema.default)}`,
    ].filter((bound) => bound !== false);
    const values = schema.enum ?? schema.items?.enum;
    return html`<span class="type">${[this.typeOf(schema), ...bounds].join(', ')}</span>
      ${schema.description !== undefined && html` ${marked(schema.description)}`}
      ${values && html` <span class="soft">One of ${values.map((value, index) => html`${index > 0 && ', '}<code>${String(value)}</code>`)}.</span>`}`;
  }

  private field(name: string, field: Schema, required: readonly string[], depth: number): Html {
    return html`<li><code>${name}</code>${required.includes(name) && html` <span class="must">required</span>`}
      ${this.facts(field)}${this.fields(field, depth + 1)}</li>`;
  }

  private exampleObject({ properties = {}, required = [] }: Schema, depth: number): Record<string, unknown> {
    const shown = Object.entries(properties).filter(([name, field]) => {
      const { example, examples } = this.plain(field);
      return required.includes(name) || (required.length === 0 && (example ?? examples) !== undefined);
    });
    return Object.fromEntries(shown.map(([name, field]) => [name, this.example(field, depth + 1)]));
  }
}

const EXAMPLES: Record<string, string> = {
  email: 'ada@example.com',
  uuid: '01a1b2c3-0000-7000-8000-000000000000',
  'date-time': '2030-01-01T09:00:00Z',
  uri: 'https://example.com/',
};

/** `Code` in backticks is shown as code; the rest is text. */
export function marked(text: string): Html {
  return html`${text.split('`').map((piece, index) => (index % 2 === 1 ? html`<code>${piece}</code>` : piece))}`;
}
