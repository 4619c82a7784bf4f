// For tests: requests to the engine whose outcome is taken down.
import { tensor } from '../../torch/index.ts';
import type { LanguageModel } from '../types.ts';
import { Engine, type Job } from './engine.ts';
import type { EngineOptions } from './engine-options.ts';
import type { TokenLogprobs } from './logprobs.ts';
import { PlainMemory } from './plain-memory.testing.ts';
import type { EngineRequest, FinishReason, Usage } from './request.ts';

/** What became of a request. */
export interface Written {
  ids: number[];
  logprobs: (TokenLogprobs | undefined)[];
  reason?: FinishReason;
  usage?: Usage;
  error?: unknown;
  job: Job;
}

/** Asks an engine for a text. It must be told of its end once. */
export function ask(engine: Engine, request: Partial<EngineRequest>): Written {
  const written = { ids: [], logprobs: [] } as unknown as Written;
  const end = (how: Partial<Written>) => {
    if (written.reason !== undefined || 'error' in written) throw new Error('told of two ends');
    Object.assign(written, how);
  };
  written.job = engine.add({
    prompt: [1],
    onId(id, logprobs) {
      written.ids.push(id);
      written.logprobs.push(logprobs);
      return false;
    },
    onEnd: (reason, usage) => end({ reason, usage }),
    onError: (error) => end({ error }),
    ...request,
  });
  return written;
}

/** Has an engine of its own write them together. @throws the first error that one of them was told */
export function writeAll(
  model: LanguageModel,
  requests: Partial<EngineRequest>[],
  options: EngineOptions = {},
): Written[] {
  using engine = new Engine(model, options);
  return writeWith(engine, requests);
}

/** Has an engine write them together. @throws the first error that one of them was told */
export function writeWith(engine: Engine, requests: Partial<EngineRequest>[]): Written[] {
  const written = requests.map((request) => ask(engine, request));
  while (engine.busy) engine.step();
  for (const each of written) if ('error' in each) throw each.error;
  return written;
}

/** An engine whose passes are taken down: how many texts, and how many tokens of each. */
export function countedEngine(model: LanguageModel, options: EngineOptions = {}) {
  const memory = new PlainMemory(model);
  return { engine: new Engine(model, options, memory), passes: memory.passes };
}

/** Ids below 300, the same for the same numbers. */
export const someIds = (length: number, k = 0): number[] =>
  Array.from({ length }, (_, i) => (i * 97 + k * 31 + 13) % 300);

export const column = (ids: readonly number[]) => tensor(BigInt64Array.from(ids, BigInt), { shape: [ids.length, 1] });
export const row = (ids: readonly number[]) => tensor(BigInt64Array.from(ids, BigInt), { shape: [1, ids.length] });
