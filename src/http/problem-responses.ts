import type { OpenAPIObject } from '@nestjs/swagger';
import { ACCESS_EXTENSION, PROBLEMS_EXTENSION } from '../core/problem-docs.js';
import { PROBLEM_CODES, type ProblemCode, PROBLEMS } from '../core/problems.js';

type Operation = NonNullable<OpenAPIObject['paths'][string]['get']>;
type Responses = NonNullable<NonNullable<OpenAPIObject['components']>['responses']>;

const PROBLEM_SCHEMA = {
  type: 'object',
  description: 'RFC 9457',
  required: ['type', 'title', 'status', 'code', 'detail', 'remedy', 'requestId'],
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    code: { type: 'string', enum: PROBLEM_CODES },
    detail: { type: 'string' },
    remedy: { type: 'string' },
    requestId: { type: 'string' },
    attemptsLeft: { type: 'integer', description: 'With otp_invalid' },
    moreErrors: { type: 'integer', description: 'Faults besides those in `errors`' },
    errors: {
      type: 'array',
      items: {
        type: 'object',
        required: ['field', 'code', 'message'],
        properties: { field: { type: 'string' }, code: { type: 'string' }, message: { type: 'string' } },
      },
    },
  },
};

/** What no call can know of itself: a request that was none, a body nobody asked for, and what breaks on our side. */
const OF_ANY_CALL: readonly ProblemCode[] = [
  'malformed_json',
  'body_too_large',
  'unsupported_media_type',
  'validation_failed',
  'busy',
  'method_not_allowed',
  'request_timeout',
  'expectation_failed',
  'headers_too_large',
  'http_version_not_supported',
  'internal',
];

/** Codes that follow from what the route of a call declares, and its own, which `@Problems` names. */
function problemsOf(path: string, operation: Operation): ProblemCode[] {
  const extensions = operation as unknown as Record<string, unknown>;
  const own = (extensions[PROBLEMS_EXTENSION] ?? []) as ProblemCode[];
  const body = operation.requestBody;
  const types = body && 'content' in body ? Object.keys(body.content) : [];
  const takesJson = types.includes('application/json');
  const reads = types.length > 0;
  const guarded = (operation.security ?? []).length > 0;
  const all: ProblemCode[] = [
    'bad_request', // a path or a host that cannot be read
    ...(takesJson ? (['malformed_json'] as const) : []),
    ...(guarded ? (['unauthorized'] as const) : []),
    ...(extensions[ACCESS_EXTENSION] ? (['scope_missing', 'role_missing'] as const) : []),
    ...(reads ? (['body_too_large', 'unsupported_media_type'] as const) : []),
    ...(takesJson || (operation.parameters ?? []).length > 0 ? (['validation_failed'] as const) : []),
    ...(path.startsWith('/v1/') ? (['unavailable'] as const) : []),
    ...own,
  ];
  return PROBLEM_CODES.filter((code) => all.includes(code));
}

/** Says of each operation what it refuses, by status and code. Equal responses stand once, in `components`. */
export function withProblems(document: OpenAPIObject): void {
  const shared: Responses = { AnyCall: responseOf(OF_ANY_CALL, 'Of any call. ') };
  for (const [path, , operation] of operationsOf(document)) {
    for (const [status, codes] of byStatus(problemsOf(path, operation))) {
      if (operation.responses[status]) continue; // says it in words of its own
      const name = codes.join('.');
      shared[name] ??= responseOf(codes);
      operation.responses[status] = { $ref: `#/components/responses/${name}` };
    }
    operation.responses['default'] = { $ref: '#/components/responses/AnyCall' };
    delete (operation as unknown as Record<string, unknown>)[PROBLEMS_EXTENSION];
  }
  document.components = {
    ...document.components,
    schemas: { ...document.components?.schemas, Problem: PROBLEM_SCHEMA as never },
    responses: { ...document.components?.responses, ...shared },
  };
}

export function operationsOf({ paths }: OpenAPIObject): [path: string, method: string, operation: Operation][] {
  return Object.entries(paths).flatMap(([path, { get, post, put, patch, delete: remove }]) =>
    Object.entries({ GET: get, POST: post, PUT: put, PATCH: patch, DELETE: remove }).flatMap(
      ([method, operation]): [string, string, Operation][] => (operation ? [[path, method, operation]] : []),
    ),
  );
}

function byStatus(codes: readonly ProblemCode[]): Map<number, ProblemCode[]> {
  const found = new Map<number, ProblemCode[]>();
  for (const code of codes) found.set(PROBLEMS[code].status, [...(found.get(PROBLEMS[code].status) ?? []), code]);
  return found;
}

function responseOf(codes: readonly ProblemCode[], before = ''): Responses[string] {
  return {
    description: before + codes.map((code) => `\`${code}\`: ${PROBLEMS[code].title}.`).join(' '),
    content: {
      'application/problem+json': {
        schema: {
          allOf: [
            { $ref: '#/components/schemas/Problem' },
            { type: 'object', properties: { code: { type: 'string', enum: [...codes] } } },
          ],
        },
      },
    },
  };
}
