// A server that runs: its handlers and their context, the HTTP server with its sockets, and how it ends in good order.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { ConfigError } from '../base/index.ts';
import { answer } from './answer/answer.ts';
import { encodePromptOf } from './answer/encode.ts';
import { RememberedAnswers } from './answer/remembered-answers.ts';
import { TextWork } from './answer/text-work.ts';
import { type EngineThread, shuttingDown } from './engine-thread/engine-thread.ts';
import { type Gates, makeApp } from './http/app.ts';
import { badRequest, openaiError } from './http/http-error.ts';
import { json } from './http/json.ts';
import { Keys } from './http/keys.ts';
import { originRules } from './http/origins.ts';
import { refuseConnection } from './http/refuse-connection.ts';
import type { Limits } from './limits.ts';
import type { Metrics } from './metrics.ts';
import { requireModel } from './require-model.ts';
import { routes } from './routes.ts';
import type { ServedModel } from './served-model.ts';
import type { ServerOptions } from './server.ts';
import type { Serving, ServingState } from './serving.ts';

/** A server's connections and state, from the first to the last. */
export class Running {
  readonly #options: ServerOptions;
  readonly #thread: EngineThread;
  readonly #server: Server;
  readonly #closing = new AbortController();
  readonly #sockets = new Set<Socket>();
  #loaded = false;
  #draining = false;
  #last = false;
  #closed: Promise<void> | undefined;

  constructor(
    options: ServerOptions,
    limits: Limits,
    models: ReadonlyMap<string, ServedModel>,
    thread: EngineThread,
    metrics: Metrics,
  ) {
    this.#options = options;
    this.#thread = thread;
    const parts = { models, limits, thread, metrics, remembered: new RememberedAnswers(), textWork: new TextWork() };
    const state = () => this.#state;
    const refuseLast = () => {
      if (this.#last) throw shuttingDown();
    };
    const serving: Serving = {
      get state() {
        return state();
      },
      ...{ limits, models, metrics },
      counters: () => thread.count(),
      answer: (call) => {
        refuseLast();
        return answer(parts, call);
      },
      encode: (name, prompt) => encodePromptOf(requireModel(models, name), prompt, parts.remembered),
      inSteps: (steps, signal) => parts.textWork.do(steps, signal),
      embed: (model, ids, signal) => thread.embed(model, ids, signal),
      score: (model, ids, top, signal) => thread.score(model, ids, top, signal),
    };
    const keys = new Keys(options.keys ?? []);
    const { host = '127.0.0.1', cors = [], hosts = [], log } = options;
    const gates: Gates = {
      ...{ keys, log, metrics },
      origins: originRules(host, keys.needed, { cors, hosts }),
      closing: this.#closing.signal,
      lastRequests: () => this.#draining,
    };
    const app = makeApp(routes, serving, gates);
    const listener = getRequestListener((request, env) => app.fetch(request, env as never), {
      overrideGlobalObjects: false,
      autoCleanupIncoming: false, // See http/linger.ts.
      errorHandler: () => json(openaiError(badRequest('bad_request', 'the request cannot be read')), 400),
    });
    this.#server = createServer(
      {
        maxHeaderSize: limits.headerBytes,
        // For a client that sends slowly: its headers, and all of its request.
        headersTimeout: 20_000,
        requestTimeout: 60_000,
        keepAliveTimeout: 75_000,
        connectionsCheckingInterval: 5_000,
      },
      listener,
    );
    this.#server.maxConnections = limits.connections;
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    this.#server.on('clientError', refuseConnection);
  }

  get #state(): ServingState {
    if (this.#draining) return 'draining';
    if (this.#thread.state === 'restarting' || (this.#loaded && this.#thread.state !== 'ready')) return 'restarting';
    return this.#loaded ? 'ready' : 'loading';
  }

  loaded(): void {
    this.#loaded = true;
  }

  /** @throws ConfigError when the address cannot be taken */
  async listen(host: string, port: number): Promise<string> {
    this.#server.listen(port, host);
    try {
      await once(this.#server, 'listening');
    } catch (error) {
      throw addressFault(error as NodeJS.ErrnoException, host, port);
    }
    const { port: taken } = this.#server.address() as AddressInfo;
    return `http://${host.includes(':') ? `[${host}]` : host}:${taken}`;
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const { drainDelay = 0, drainSeconds = 60 } = this.#options;
    this.#draining = true;
    if (drainDelay > 0) await new Promise((resolve) => setTimeout(resolve, 1000 * drainDelay));
    this.#last = true;
    const gone = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeIdleConnections();
    // A connection that a client keeps, and asks nothing more with, is not waited for.
    const idle = setInterval(() => this.#server.closeIdleConnections(), 200);
    const timer = setTimeout(() => {
      this.#closing.abort(shuttingDown());
      setTimeout(() => {
        for (const socket of this.#sockets) socket.destroy();
      }, 1000).unref();
    }, 1000 * drainSeconds);
    await gone;
    clearTimeout(timer);
    clearInterval(idle);
    await this.#thread.end();
  }
}

function addressFault(error: NodeJS.ErrnoException, host: string, port: number): unknown {
  const faults: Readonly<Record<string, string>> = {
    EADDRINUSE: 'something else listens there already',
    EACCES: 'this user may not listen there',
    EADDRNOTAVAIL: 'this machine has no such address',
    ENOTFOUND: 'no machine is called so',
  };
  const fault = faults[error.code ?? ''];
  if (fault === undefined) return error;
  return new ConfigError('cannot-listen', `the server cannot listen at ${host}, port ${port}: ${fault}`, {
    remedy: 'Choose another with --port, 0 for any that is free.',
    fields: { host, port },
  });
}
