// For tests: a server whose answers are scripted. All of HTTP is real; in place of the engine's thread stand pieces that a test names.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import type { Answering, Call, CallUsage, Piece } from './answer/call.ts';
import { encodePromptOf } from './answer/encode.ts';
import { type FakeAnswering, fakeAnswering } from './answer/fake.testing.ts';
import { TextWork } from './answer/text-work.ts';
import { makeApp } from './http/app.ts';
import type { HttpError } from './http/http-error.ts';
import { Keys } from './http/keys.ts';
import type { LogEvent } from './http/log.ts';
import { originRules } from './http/origins.ts';
import { defaultLimits } from './limits.ts';
import { Metrics } from './metrics.ts';
import { openModel } from './open-model.ts';
import { requireModel } from './require-model.ts';
import { routes } from './routes.ts';
import { chatModel } from './serve.testing.ts';
import type { Serving } from './serving.ts';

export interface Script {
  readonly pieces?: readonly Piece[];
  readonly usage?: Partial<CallUsage>;
  /** Thrown behind the pieces. */
  readonly fault?: HttpError;
  /** Thrown in the place of an answer. */
  readonly refusal?: HttpError;
}

export interface ScriptedServer {
  readonly url: string;
  /** Of the model `chat`, as it is served. */
  readonly tokenizer: ReturnType<typeof openModel>['tokenizer'];
  /** What was asked of the engine in this test. */
  readonly calls: Call[];
  /** What the log was told in this test. */
  readonly logged: LogEvent[];
  /** The answers that were begun in this test. */
  readonly answers: FakeAnswering[];
  /** Whether it works on a text. */
  readonly encoding: boolean;
  /** Each call takes the next one; the last stays. */
  script(...scripts: Script[]): void;
}

/** The server of all tests of a file. Its key is `secret`, and its model is called `chat`. */
export function scriptedServerOfFile(key = 'secret'): ScriptedServer {
  const tiny = chatModel(1);
  const model = openModel({ name: 'chat', folder: tiny.folder }, { contextTokens: 4096 });
  const models = new Map([['chat', model]]);
  const calls: Call[] = [];
  const answers: FakeAnswering[] = [];
  const logged: LogEvent[] = [];
  let scripts: Script[] = [];
  const textWork = new TextWork();
  let encoding = 0;
  const serving: Serving = {
    ...{ state: 'ready', limits: defaultLimits, models, metrics: new Metrics(['chat']) },
    async answer(call): Promise<Answering> {
      requireModel(models, call.model);
      calls.push(call);
      const { pieces = [], usage, fault, refusal } = (scripts.length > 1 ? scripts.shift() : scripts[0])!;
      if (refusal) throw refusal;
      const answering = fakeAnswering(pieces, { prompt: 7, cached: 4, generated: 5, ...usage }, fault);
      answers.push(answering);
      return answering;
    },
    encode: (name, prompt) => encodePromptOf(requireModel(models, name), prompt),
    async inSteps(steps, signal) {
      encoding++;
      try {
        return await textWork.do(steps, signal);
      } finally {
        encoding--;
      }
    },
    // Of what is in the text, so that tests can tell texts apart.
    counters: async () => ({ models: {}, liveHandles: 0 }),
    score: async (_model, ids) => ids.slice(1).map(() => ({ logprob: -1, top: [] })),
    embed: async (_model, ids) => Float64Array.from({ length: model.config.hidden_size }, (_, i) => ids[i] ?? 0),
  };
  const gates = {
    ...{
      keys: new Keys([key]),
      log: (event: LogEvent) => void logged.push(event),
      metrics: serving.metrics,
      lastRequests: () => false,
    },
    origins: originRules('127.0.0.1', true, { cors: [], hosts: [] }),
    closing: new AbortController().signal,
  };
  const app = makeApp(routes, serving, gates);
  const server = createServer(
    getRequestListener((request, env) => app.fetch(request, env as never), { overrideGlobalObjects: false }),
  );
  beforeAll(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  beforeEach(() => {
    for (const each of [calls, answers, logged]) each.length = 0;
  });
  afterAll(async () => {
    server.closeAllConnections();
    server.close();
    tiny[Symbol.dispose]();
  });
  return {
    ...{ calls, answers, logged, tokenizer: model.tokenizer },
    get url() {
      return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    },
    get encoding() {
      return encoding > 0;
    },
    script(...next) {
      scripts = next;
    },
  };
}

export const said = (text: string): Piece => ({ choice: 0, type: 'text', text });
export const called = (name: string, given: unknown, index = 0): Piece => ({
  ...{ choice: 0, type: 'tool-call', index, id: `call_${name}_${index}`, name },
  arguments: JSON.stringify(given),
});
export const ended = (reason: 'stop' | 'length' | 'tool_calls', stopString?: string): Piece => ({
  ...{ choice: 0, type: 'end', reason },
  ...(stopString !== undefined && { stopString }),
});
