// Starting a server: opens the models, starts the engine's thread, and listens.
import { draftPlace } from './draft.ts';
import { EngineThread } from './engine-thread/engine-thread.ts';
import { requireFitting } from './engine-thread/loaded-models.ts';
import type { ThreadSettings } from './engine-thread/protocol.ts';
import { requireKey } from './http/keys.ts';
import type { Log } from './http/log.ts';
import { defaultLimits, type Limits } from './limits.ts';
import { Metrics } from './metrics.ts';
import { openModels, type ServedPlace } from './open-models.ts';
import { Running } from './running.ts';
import type { ServedModel } from './served-model.ts';

export interface ServerOptions {
  /** The first is loaded at once, others when they are asked for. */
  readonly models: readonly ServedPlace[];
  /** Address to listen at. Default 127.0.0.1: this machine alone. */
  readonly host?: string | undefined;
  /** 0 for any that is free. Default 8000. */
  readonly port?: number | undefined;
  /** Whoever asks has to know one of them. Elsewhere than on this machine there must be one. */
  readonly keys?: readonly string[] | undefined;
  /** In the place of some of `defaultLimits`. */
  readonly limits?: Partial<Limits> | undefined;
  /** Origins whose pages may use the server. */
  readonly cors?: readonly string[] | undefined;
  /** Names besides `localhost` by which a server without a key may be asked. */
  readonly hosts?: readonly string[] | undefined;
  /** For weights and caches of all models together. */
  readonly memoryBytes: number;
  /** Of it, for the texts and the prefix cache of each model that is open. */
  readonly cacheBytes: number;
  /** Where snapshots of prefixes are kept while the server does not run. */
  readonly cacheDir?: string | undefined;
  /** Texts of a model that are read or written at the same time. Default 16. */
  readonly slots?: number | undefined;
  /** Tokens that are guessed at a time from what stood before (prompt look-up), for models without a draft. Default 0: none. */
  readonly promptLookup?: number | undefined;
  /** Tokens that a draft guesses at a time. Default 4. */
  readonly draftTokens?: number | undefined;
  readonly log: Log;
  /** Seconds for which requests are still taken after `close`, while whoever sends them learns of it from `/health`. Default 0. */
  readonly drainDelay?: number | undefined;
  /** Seconds in which what runs may end; then it is cut off. Default 60. */
  readonly drainSeconds?: number | undefined;
}

export interface RunningServer {
  /** `http://127.0.0.1:8000` */
  readonly url: string;
  readonly models: readonly ServedModel[];
  /** What computes: for counters, and for tests that end it. */
  readonly thread: EngineThread;
  /** Resolves when the first model is in memory; rejects when it cannot be loaded. */
  readonly ready: Promise<void>;
  /** Takes nothing more, lets what runs end, and ends. */
  close(): Promise<void>;
}

/**
 * Listens, and loads the first model meanwhile:
 *
 *     const server = await startServer({ models: [{ name: 'ja', folder }], memoryBytes: 8 * 2 ** 30, cacheBytes: 1 << 30, log: makeLog(write) });
 *     await server.ready; // requests that come before wait
 *     await server.close();
 *
 * @throws ConfigError for an address that needs a key or cannot be taken; UserError for a model that cannot be served
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { host = '127.0.0.1', port = 8000, keys = [], log } = options;
  requireKey(host, keys);
  const limits = { ...defaultLimits, ...options.limits };
  const models = openModels(options.models, limits.contextTokens);
  const { memoryBytes, cacheBytes, cacheDir, slots = 16, promptLookup, draftTokens } = options;
  const settings: ThreadSettings = {
    models: Array.from(models.values(), (model) => ({
      ...model.place,
      draft: draftPlace(model, cacheBytes, draftTokens),
    })),
    ...{ memoryBytes, cacheBytes, cacheDir, slots, promptLookup },
    queue: limits.queue,
  };
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
