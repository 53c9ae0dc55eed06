import type { Api } from '../service/api.js';

export interface Schema {
  $ref?: string;
  type?: string | string[];
  format?: string;
  enum?: unknown[];
  example?: unknown;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: boolean | Schema;
  items?: Schema;
  oneOf?: Schema[];
  allOf?: Schema[];
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  maxItems?: number;
}

interface Response {
  $ref?: string;
  content?: Record<string, { schema: Schema }>;
}

export interface Parameter {
  name: string;
  in: 'path' | 'query' | 'header';
  schema?: Schema;
}

export interface Operation {
  operationId: string;
  security?: object[];
  'x-access'?: { scope: string };
  parameters?: Parameter[];
  requestBody?: { content: Record<string, { schema: Schema }> };
  responses: Record<string, Response>;
}

interface OpenApi {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema>; responses: Record<string, Response> };
}

export interface Call {
  method: string;
  path: string;
  operation: Operation;
}

/** The OpenAPI document of a running service, to be asked what it says. */
export class ApiDocument {
  private constructor(readonly json: OpenApi) {}

  static async of(api: Api): Promise<ApiDocument> {
    return new ApiDocument((await api.get<OpenApi>('/docs/json')).body);
  }

  get calls(): Call[] {
    return Object.entries(this.json.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
    );
  }

  schema(schema: Schema): Schema {
    return schema.$ref === undefined ? schema : this.json.components.schemas[schema.$ref.split('/').at(-1)!]!;
  }

  /** Codes of problems that a response names. */
  private codesIn(response: Response): string[] {
    const { content } =
      response.$ref === undefined ? response : this.json.components.responses[response.$ref.split('/').at(-1)!]!;
    const all = content?.['application/problem+json']?.schema.allOf ?? [];
    return all.flatMap(({ properties }) => (properties?.['code']?.enum ?? []) as string[]);
  }

  /** What a call refuses for reasons that the document gives under a status of its own, as `422 validation_failed`. */
  problemsOf({ responses }: Operation): string[] {
    return Object.entries(responses)
      .filter(([status]) => status !== 'default')
      .flatMap(([status, response]) => this.codesIn(response).map((code) => `${status} ${code}`));
  }

  /** Whether a status is described in words alone. */
  isInWords({ responses }: Operation, status: number): boolean {
    const response = responses[String(status)];
    return response !== undefined && this.codesIn(response).length === 0;
  }

  /** What any call may be answered besides. */
  anyCallCodes({ responses }: Operation): string[] {
    return this.codesIn(responses['default']!);
  }
}
