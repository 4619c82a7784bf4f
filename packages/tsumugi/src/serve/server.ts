// The server: opens the models, starts the engine's thread, listens, and ends in good order.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { ConfigError, UserError } from '../base/index.ts';
import { answer } from './answer/answer.ts';
import { encodePromptOf } from './answer/encode.ts';
import { RememberedAnswers } from './answer/remembered-answers.ts';
import { EngineThread, shuttingDown } from './engine-thread/engine-thread.ts';
import { requireFitting } from './engine-thread/loaded-models.ts';
import type { ModelPlace, ThreadSettings } from './engine-thread/protocol.ts';
import { type Gates, makeApp } from './http/app.ts';
import { Keys } from './http/keys.ts';
import type { Log } from './http/log.ts';
import { isLoopback, originRules } from './http/origins.ts';
import { refuseConnection } from './http/refuse-connection.ts';
import { defaultLimits, type Limits } from './limits.ts';
import { Metrics } from './metrics.ts';
import { openModel } from './open-model.ts';
import { requireModel } from './require-model.ts';
import { routes } from './routes.ts';
import type { ServedModel } from './served-model.ts';
import type { Serving, ServingState } from './serving.ts';

export interface ServedPlace extends ModelPlace {
  /** A chat template in the place of the model's own. */
  readonly template?: string | undefined;
}

export interface ServerOptions {
  readonly models: readonly ServedPlace[];
  readonly host?: string | undefined;
  /** 0 for any that is free. */
  readonly port?: number | undefined;
  /** Whoever asks has to know one of them. Elsewhere than on this machine there must be one. */
  readonly keys?: readonly string[] | undefined;
  readonly limits?: Partial<Limits> | undefined;
  /** Origins whose pages may use the server. */
  readonly cors?: readonly string[] | undefined;
  /** Names besides `localhost` by which a server without a key may be asked. */
  readonly hosts?: readonly string[] | undefined;
  readonly memoryBytes: number;
  readonly cacheBytes: number;
  /** Where snapshots of prefixes are kept while the server does not run. */
  readonly cacheDir?: string | undefined;
  readonly slots?: number | undefined;
  readonly log: Log;
  /** Seconds for which requests are still taken after `close`, while whoever sends them learns of it from `/health`. */
  readonly drainDelay?: number | undefined;
  /** Seconds in which what runs may end. */
  readonly drainSeconds?: number | undefined;
}

export interface RunningServer {
  /** `http://127.0.0.1:8000` */
  readonly url: string;
  readonly models: readonly ServedModel[];
  readonly thread: EngineThread;
  /** Resolves when the first model is in memory; rejects when it cannot be loaded. */
  readonly ready: Promise<void>;
  /** Takes nothing more, lets what runs end, and ends. */
  close(): Promise<void>;
}

/** @throws ConfigError for an address that needs a key or cannot be taken; UserError for a model that cannot be served */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { host = '127.0.0.1', port = 8000, keys = [], log } = options;
  if (!isLoopback(host) && keys.length === 0)
    throw new ConfigError('no-api-key', `a server at ${host} can be reached from other machines and has no key`, {
      remedy: 'Give it one with --api-key-file, or leave --host out to serve this machine alone.',
      fields: { option: '--host' },
    });
  const limits = { ...defaultLimits, ...options.limits };
  const settings: ThreadSettings = {
    models: options.models.map(({ name, folder, adapter, dtype }) => ({ name, folder, adapter, dtype })),
    memoryBytes: options.memoryBytes,
    cacheBytes: options.cacheBytes,
    cacheDir: options.cacheDir,
    slots: options.slots ?? 16,
    queue: limits.queue,
  };
  const models = openModels(options.models, limits.contextTokens);
  for (const place of settings.models) requireFitting(place, settings);
  const metrics = new Metrics([...models.keys()]);
  const thread = new EngineThread(settings, {
    onNote: log,
    onDeath(cause, seconds) {
      metrics.restarted();
      log({ event: 'engine-died', cause, again_in_seconds: seconds });
    },
  });
  const running = new Running(options, limits, models, thread, metrics);
  const first = options.models[0]!.name;
  const ready = thread.load(first).then(async () => {
    running.loaded();
    await thread.count();
  });
  ready.catch(() => {}); // Whoever wants to know waits for it.
  try {
    const url = await running.listen(host, port);
    return { url, models: [...models.values()], thread, ready, close: () => running.close() };
  } catch (error) {
    await thread.kill();
    throw error;
  }
}

/** What the HTTP thread has to know of models, by name. @throws ConfigError for a name that comes twice */
export function openModels(places: readonly ServedPlace[], contextTokens: number): Map<string, ServedModel> {
  const models = new Map<string, ServedModel>();
  for (const { template, ...place } of places) {
    if (models.has(place.name))
      throw new ConfigError('same-name', `two models are to be served as "${place.name}"`, {
        remedy: 'Give one of them another name.',
      });
    const known = [...models.values()].find((each) => each.place.folder === place.folder);
    models.set(place.name, openModel(place, { template, contextTokens }, known));
  }
  if (models.size === 0) throw new UserError('no-model', 'there is no model to serve');
  return models;
}

class Running {
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
    const parts = { models, limits, thread, metrics, remembered: new RememberedAnswers() };
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
      errorHandler: () =>
        new Response(
          '{"error":{"message":"the request cannot be read","type":"invalid_request_error","param":null,"code":"bad_request"}}',
          { status: 400, headers: { 'content-type': 'application/json' } },
        ),
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
