import { REGISTRY } from './problem-registry.js';

export type ProblemCode = keyof typeof REGISTRY;

/** For documentation. */
export const PROBLEMS: Readonly<Record<ProblemCode, { status: number; title: string; remedy: string }>> = REGISTRY;

/** Faults of one request that are named; nobody reads more at once. */
export const MOST_NAMED = 20;

/** One field that was refused: where, a stable code, and a sentence. */
export interface FieldError {
  field: string;
  code: string;
  message: string;
}

/** The body of every error, RFC 9457 `application/problem+json`. */
export interface ProblemDocument {
  type: string;
  title: string;
  status: number;
  code: ProblemCode;
  detail: string;
  remedy: string;
  requestId: string;
  errors?: FieldError[];
  [extension: string]: unknown;
}

interface ProblemOptions {
  /** A sentence about this very case; the title when absent. Never anything internal. */
  detail?: string;
  /** What the caller can do in this very case, where the code's own remedy would mislead. */
  remedy?: string;
  errors?: FieldError[];
  /** Further members of the document, such as `attemptsLeft`. */
  extensions?: Record<string, unknown>;
  headers?: Record<string, string>;
  /** Stays in the log. */
  cause?: unknown;
}

/** An error that may be told to the caller; anything else becomes `internal`. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly status: number;
  readonly headers: Record<string, string>;

  constructor(
    readonly code: ProblemCode,
    private readonly options: ProblemOptions = {},
  ) {
    super(options.detail ?? REGISTRY[code].title, { cause: options.cause });
    this.status = REGISTRY[code].status;
    this.headers = options.headers ?? {};
  }

  toDocument(requestId: string): ProblemDocument {
    const { status, title, remedy } = REGISTRY[this.code];
    return {
      type: `urn:otpost:problem:${this.code}`,
      title,
      status,
      code: this.code,
      detail: this.message,
      remedy: this.options.remedy ?? remedy,
      requestId,
      ...(this.options.errors ? { errors: this.options.errors } : {}),
      ...this.options.extensions,
    };
  }
}

export const PROBLEM_CODES = Object.keys(REGISTRY) as ProblemCode[];
