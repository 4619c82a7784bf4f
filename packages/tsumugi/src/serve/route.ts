// What a route is. The table of them (`routes.ts`) is data: the router, the check of keys, the OpenAPI document and the tests that walk
// all routes are made from it.
import type { z } from 'zod';
import type { HttpError } from './http/http-error.ts';
import type { Serving } from './serving.ts';

/** A request whose body the route's schema has taken. */
export interface Asked<B = unknown> {
  readonly body: B;
  readonly params: Readonly<Record<string, string>>;
  /** Ends when the client has gone or its time is up. */
  readonly signal: AbortSignal;
  /** Stands in the answer's `x-request-id` and in the log. */
  readonly id: string;
  /** Adds to the request's line in the log. */
  readonly note: (values: Readonly<Record<string, string | number>>) => void;
}

export interface Route<S extends z.ZodType = z.ZodType> {
  readonly method: 'GET' | 'POST';
  /** As hono writes paths: `/v1/models/:model{.+}`. */
  readonly path: string;
  /** One line, for the OpenAPI document. */
  readonly summary: string;
  /** Of the JSON body. Fields that it does not have are ignored, and named in the answer. */
  readonly body?: S;
  /** Needs no key. */
  readonly open?: true;
  /** Errors in the shape that the clients of this route read. Default: OpenAI's. */
  readonly errorBody?: (error: HttpError, id: string) => unknown;
  readonly answer: (asked: Asked<z.output<S>>, serving: Serving) => Response | Promise<Response>;
}

/** Keeps the type of the body between a route's schema and its handler. */
export const route = <S extends z.ZodType>(made: Route<S>): Route => made as unknown as Route;
