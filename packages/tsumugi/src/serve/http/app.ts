// The router, made of the table of routes. Every request passes the same gates, in this order: who asks (host and origin of a page), the
// key, the size of the body, its JSON, the route's schema.
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { setImmediate } from 'node:timers/promises';
import type { HttpBindings } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { type Context, Hono } from 'hono';
import { UserError } from '../../base/index.ts';
import { refuseLongIds } from '../long-ids.ts';
import type { Metrics } from '../metrics.ts';
import { nameModel } from '../require-model.ts';
import type { Route } from '../route.ts';
import type { Serving } from '../serving.ts';
import { checkBody } from './check-body.ts';
import { EventStream } from './event-stream.ts';
import { HttpError, openaiError } from './http-error.ts';
import type { Keys } from './keys.ts';
import { lingerAfter } from './linger.ts';
import type { Log } from './log.ts';
import { checkOrigin, corsHeaders, type OriginRules, preflightHeaders } from './origins.ts';
import { readJsonBody } from './read-body.ts';
import { RequestEnd } from './request-end.ts';

export interface Gates {
  readonly keys: Keys;
  readonly origins: OriginRules;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Ends when what still runs is to be given up. */
  readonly closing: AbortSignal;
  /** Whether connections are to end with what they ask now. */
  readonly lastRequests: () => boolean;
}

type Asking = Context<{ Bindings: HttpBindings }>;

export function makeApp(routes: readonly Route[], serving: Serving, gates: Gates): Hono<{ Bindings: HttpBindings }> {
  const app = new Hono<{ Bindings: HttpBindings }>();
  const handle = (
    c: Asking,
    route: Route | undefined,
    work: (id: string, end: RequestEnd, note: Noted) => Promise<Response> | Response,
  ) => pass(c, route, gates, serving, work);
  const methods = Map.groupBy(routes, ({ path }) => path);
  const hint = (asked: string) => {
    const near = [...methods.keys()].find((path) => path.length > 1 && bare(path) === bare(asked));
    return near === undefined ? undefined : `Did you mean "${near}"?`;
  };
  for (const route of routes)
    app.on(route.method, route.path, (c) =>
      handle(c, route, async (id, end, note) => {
        let body: unknown;
        if (route.body) {
          const sent = await readJsonBody(c.env.incoming, serving.limits.bodyBytes, end.signal);
          const named = nameModel(route.body, sent, serving.models);
          refuseLongIds(named, serving.models);
          const checked = checkBody(route.body, named);
          body = checked.body;
          note.ignored = checked.ignored;
        }
        return await route.answer(
          { body: body as never, params: c.req.param(), signal: end.signal, id, note: end.note },
          serving,
        );
      }),
    );
  for (const [path, own] of methods) {
    const allow = own.map(({ method }) => method).join(', ');
    app.all(path, (c) =>
      handle(c, own[0], () => {
        throw new HttpError(405, 'method_not_allowed', `${path} takes ${allow}, not ${c.req.method}`, {
          headers: { allow },
        });
      }),
    );
  }
  app.notFound((c) =>
    handle(c as Asking, undefined, () => {
      throw new HttpError(404, 'not_found', `there is nothing at ${JSON.stringify(c.req.path.slice(0, 200))}`, {
        remedy: hint(c.req.path) ?? 'GET /openapi.json lists what there is.',
      });
    }),
  );
  return app;
}

/** Addresses are given to clients with `/v1` where it does not belong, or without it, and with a slash too many. */
const bare = (path: string): string =>
  path
    .replaceAll(/\/{2,}/g, '/')
    .replace(/\/$/, '')
    .replace(/^(\/v1)+(?=\/)/, '');

/** Whether a request is answered before all of its body has come. What came with its headers is read in the next turn. */
async function stillComes(incoming: IncomingMessage): Promise<boolean> {
  if (incoming.complete) return false;
  await setImmediate();
  return !incoming.complete;
}

/** What the answer's headers tell besides. */
interface Noted {
  ignored: readonly string[];
}

const safeId = /^[\w.-]{1,64}$/;

async function pass(
  c: Asking,
  route: Route | undefined,
  gates: Gates,
  serving: Serving,
  work: (id: string, end: RequestEnd, note: Noted) => Promise<Response> | Response,
): Promise<Response> {
  const { incoming, outgoing } = c.env;
  const { headers, method = '' } = incoming;
  const asked = headers['x-request-id'];
  const id = typeof asked === 'string' && safeId.test(asked) ? asked : `req-${randomUUID()}`;
  const start = performance.now();
  const note: Noted = { ignored: [] };
  const end = new RequestEnd(outgoing, serving.limits, gates.closing);
  let response: Response;
  let fault: string | undefined;
  try {
    checkOrigin(headers, gates.origins);
    if (method === 'OPTIONS' && headers['access-control-request-method'] !== undefined)
      response = new Response(null, { status: 204, headers: preflightHeaders });
    else {
      if (!route?.open) gates.keys.check(headers, route?.path === '/');
      response = await work(id, end, note);
    }
  } catch (thrown) {
    const error = httpError(end.signal.aborted ? end.signal.reason : thrown);
    fault = error.status === 500 ? causeOf(thrown) : error.code;
    response = new Response(JSON.stringify((route?.errorBody ?? openaiError)(error, id)), {
      status: error.status,
      headers: { 'content-type': 'application/json', ...error.headers },
    });
  }
  // Anthropic's client reads the one, OpenAI's the other.
  for (const name of ['x-request-id', 'request-id']) response.headers.set(name, id);
  for (const [name, value] of Object.entries(corsHeaders(headers.origin, gates.origins)))
    response.headers.set(name, value);
  if (note.ignored.length > 0) response.headers.set('x-tsumugi-ignored', ignoredText(note.ignored));
  if (await stillComes(incoming)) {
    response.headers.set('connection', 'close');
    lingerAfter(incoming);
  } else if (gates.lastRequests()) response.headers.set('connection', 'close');
  end.answering();
  const { status } = response;
  gates.metrics.request(route?.path ?? 'none', status);
  outgoing.once('close', () =>
    gates.log({
      ...{ event: 'request', id, method, path: c.req.path, status, from: incoming.socket.remoteAddress },
      ms: Math.round(performance.now() - start),
      ...(outgoing.writableFinished ? {} : { cut: true }),
      ...(note.ignored.length > 0 && { ignored: note.ignored.join(',') }),
      fault,
      ...end.notes,
    }),
  );
  if (!(response instanceof EventStream)) return response;
  response.send(outgoing).catch((thrown: unknown) => {
    fault = causeOf(thrown);
    outgoing.destroy(); // A whole answer would look otherwise.
  });
  return RESPONSE_ALREADY_SENT;
}

/** Names of fields come from the client: only those that a header can hold. */
const ignoredText = (names: readonly string[]): string =>
  names
    .filter((name) => /^[\w.-]{1,40}$/.test(name))
    .slice(0, 20)
    .join(', ');

function httpError(thrown: unknown): HttpError {
  if (thrown instanceof HttpError) return thrown;
  if (thrown instanceof UserError) {
    const { code, fault, remedy } = thrown;
    return new HttpError(400, code, fault, { ...(remedy !== undefined && { remedy }) });
  }
  return new HttpError(500, 'internal_error', 'something went wrong in the server', {
    remedy: "The server's log says what.",
  });
}

/** For the log. */
function causeOf(thrown: unknown): string {
  if (thrown instanceof HttpError) return JSON.stringify(thrown.fields);
  return thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
}
