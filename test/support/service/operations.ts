/** A call of the API with a JSON body, as the description has it. */
export interface Operation {
  method: string;
  /** With ids that stand for nothing. */
  path: string;
  /** A body that validates. */
  sample: Record<string, unknown>;
  fields: { name: string; nullable: boolean }[];
}

interface Schema {
  $ref?: string;
  type?: string | string[];
  properties?: Record<string, Schema>;
  required?: string[];
  enum?: unknown[];
  example?: unknown;
  format?: string;
  pattern?: string;
  minLength?: number;
  minimum?: number;
  nullable?: boolean;
  items?: Schema;
  oneOf?: Schema[];
}

interface Description {
  paths: Record<string, Record<string, { requestBody?: { content: Record<string, { schema: Schema }> } }>>;
  components: { schemas: Record<string, Schema> };
}

const IDS = '0198d0d0-0000-7000-8000-000000000000';

/** Those that change something: POST, PUT, PATCH and DELETE with a body. */
export function operationsOf(document: object): Operation[] {
  const { paths, components } = document as Description;
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, { requestBody }]) => {
      const schema = requestBody?.content['application/json']?.schema;
      const described = schema?.$ref === undefined ? schema : components.schemas[schema.$ref.split('/').at(-1)!];
      if (!described?.properties) return [];
      const { properties, required = [] } = described;
      return {
        method: method.toUpperCase(),
        path: path
          .replace(/\/(otp|verifications|operations\/codes)\/\{\w+\}/, (part) =>
            part.replace(/\{\w+\}/, 'A'.repeat(22)),
          )
          .replace(/\{\w+\}/g, IDS),
        sample: Object.fromEntries(required.map((name) => [name, sampleOf(properties[name]!)])),
        fields: Object.entries(properties).map(([name, property]) => ({ name, nullable: isNullable(property) })),
      };
    }),
  );
}

function isNullable({ nullable, type, oneOf }: Schema): boolean {
  return (
    nullable === true ||
    (Array.isArray(type) && type.includes('null')) ||
    oneOf?.some((one) => one.type === 'null') === true
  );
}

function sampleOf({
  type,
  example,
  enum: values,
  format,
  pattern,
  minLength = 1,
  minimum = 1,
  items,
}: Schema): unknown {
  if (example !== undefined) return example;
  if (values) return values[0];
  if (type === 'array') return [sampleOf(items!)];
  if (type === 'number' || type === 'integer') return minimum;
  if (type === 'boolean') return true;
  if (format === 'email') return 'ada@example.com';
  if (pattern !== undefined) return '000000';
  return 'correct horse battery staple'.slice(0, Math.max(minLength, 28));
}
