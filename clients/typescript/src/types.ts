import type { components, paths } from './schema.js';

/** What every call takes last. */
export interface CallOptions {
  /** Ends the call, its tries and its waits: it throws the reason of the signal. */
  signal?: AbortSignal;
  /** How long one try may take, in milliseconds. */
  timeoutMs?: number;
  /** How many times the call is tried again; 3. */
  retries?: number;
}

/** What calls take that send mail. */
export interface SendOptions extends CallOptions {
  /**
   * 1 to 256 characters: under the same key the same request is carried out once in 24 hours. One is made for each
   * call.
   */
  idempotencyKey?: string;
}

/** A body of the API, by its name in the OpenAPI document. */
export type Schema<Name extends keyof components['schemas']> = components['schemas'][Name];

export type Method = 'get' | 'post' | 'patch' | 'delete';

/** Paths that have this method. */
export type PathWith<M extends Method> = {
  [P in keyof paths]: paths[P][M] extends { responses: unknown } ? P : never;
}[keyof paths];

type Parameter<Op, Kind extends 'query' | 'header' | 'path'> = Op extends { parameters: { [K in Kind]?: infer P } }
  ? NonNullable<P>
  : never;

type OptionalUnlessNever<Name extends string, T> = [T] extends [never]
  ? { [N in Name]?: undefined }
  : { [N in Name]: T };

/** Also of calls that could do without one. */
type BodyOf<Op> = Op extends { requestBody?: infer B } ? ContentOf<NonNullable<B>> : never;
type ContentOf<B> = [B] extends [never] ? never : B extends { content: infer C } ? Bytes<C[keyof C]> : never;

/** What the document calls a text is a file. */
type Bytes<Body> = Body extends string ? Blob | Uint8Array : Loose<Body>;

type Keyed<Header> = [Header] extends [never]
  ? { keyed?: undefined }
  : 'Idempotency-Key' extends keyof Header
    ? { keyed: true }
    : { keyed?: undefined };

/** Moments may be given as a Date; JSON writes them as the API reads them. */
export type Loose<T> = T extends (infer Item)[]
  ? Loose<Item>[]
  : { [K in keyof T]: K extends 'scheduledAt' | 'expiresAt' | 'since' | 'until' ? T[K] | Date : T[K] };

/** Filters of a call that lists, without the one that turns its pages. */
export type Query<P extends PathWith<'get'>> = Loose<Omit<Parameter<paths[P]['get'], 'query'>, 'cursor'>>;

/** What a list is asked for: its filters, and the cursor of the page to begin with. */
export type Filter<P extends PathWith<'get'>> = Query<P> & { cursor?: string };

/** What stands in a path: nothing, or its ids. */
export type Place<P extends PathWith<'get'>> = [Parameter<paths[P]['get'], 'path'>] extends [never]
  ? []
  : [Parameter<paths[P]['get'], 'path'>];

/** What goes into a call. `keyed` where the API takes an Idempotency-Key, and nowhere else. */
export type Input<Op> = OptionalUnlessNever<'path', Parameter<Op, 'path'>> &
  OptionalUnlessNever<'body', BodyOf<Op>> & { query?: Loose<Parameter<Op, 'query'>> } & Keyed<Parameter<Op, 'header'>>;

type Success<Responses> = Responses extends { 200: infer A; 201: infer B }
  ? A | B
  : Responses extends { 200: infer A }
    ? A
    : Responses extends { 201: infer A }
      ? A
      : Responses extends { 202: infer A }
        ? A
        : Responses extends { 204: infer A }
          ? A
          : never;

/** What a call answers. */
export type Answer<Op> = Op extends { responses: infer Responses }
  ? Success<Responses> extends infer Answered
    ? Answered extends { content: infer C }
      ? C[keyof C]
      : void
    : never
  : never;

export type { components, operations, paths } from './schema.js';
