// Several answers to each of many prompts: what preferences are made of, and what rewards are given for. A prompt is read once for all
// of its answers, and answers are written together, whichever prompt they belong to.
import { setImmediate } from 'node:timers/promises';
import { ConfigError, checkCount, checkOptions, deriveSeed, type OptionNames } from '../../base/index.ts';
import { tokenIds } from '../config.ts';
import type { LanguageModel } from '../types.ts';
import { Engine, type Job } from './engine.ts';
import { defaultMaxTokens, type GenerateOptions } from './request.ts';
import { roomFor } from './room-for.ts';

export interface SampledAnswer {
  /** Its tokens, the one that ended it included. */
  ids: number[];
  /** Whether the model ended it. One that did not was cut off at `maxTokens`. */
  finished: boolean;
  /**
   * ln p of each token: the model's own, before temperature and filters. At temperature 1 without filters it is what they were
   * drawn with.
   */
  logprobs: number[];
}

export interface SampleAnswersOptions
  extends Pick<GenerateOptions, 'maxTokens' | 'vocabularyLimit' | 'topK' | 'topP' | 'minP'> {
  /** Answers to each prompt. */
  samples: number;
  /** Default 0. */
  seed?: number | undefined;
  /** One for each prompt, so that it is told from others whatever they say. Default: the prompt itself. */
  keys?: readonly (string | number)[] | undefined;
  /** 0 takes the likeliest token: all answers are the same. Default 1. */
  temperature?: number | undefined;
  /** Tokens that end an answer. Default: the config's. */
  stopIds?: readonly number[] | undefined;
  /** Answers that are written at the same time, where no engine is given. Default 16. */
  slots?: number | undefined;
  /** Told of each prompt when all its answers are there, in the order in which that comes. */
  onPrompt?: ((index: number, answers: readonly SampledAnswer[]) => void) | undefined;
  /** Ends it: nothing is returned, and the signal's reason is thrown. */
  signal?: AbortSignal | undefined;
}

const options: OptionNames<SampleAnswersOptions> = {
  samples: true,
  seed: true,
  keys: true,
  maxTokens: true,
  temperature: true,
  topK: true,
  topP: true,
  minP: true,
  vocabularyLimit: true,
  stopIds: true,
  slots: true,
  onPrompt: true,
  signal: true,
};

/**
 * Samples `samples` answers to each prompt:
 *
 *     const answers = await sampleAnswers(model, prompts, { samples: 8, maxTokens: 64, seed: 1 });
 *     answers[p]![k]!.ids;
 *
 * Answer k to a prompt follows from the seed, the prompt's key and k alone; the same call gives the same
 * bits. An engine remembers prefixes by the weights it read them with: when those have changed, give the model, or another engine.
 *
 * @throws ConfigError for an option out of range, DataError for an id outside the vocabulary; what goes wrong with one answer ends all
 */
export async function sampleAnswers(
  source: LanguageModel | Engine,
  prompts: readonly ArrayLike<number>[],
  given: SampleAnswersOptions,
): Promise<SampledAnswer[][]> {
  checkOptions('sampleAnswers', given, options);
  const { samples, seed = 0, keys, slots, onPrompt, signal, temperature = 1, ...settings } = given;
  checkCount('samples', samples, 1);
  requireFitting(source, prompts.length, keys, slots);
  using own =
    source instanceof Engine ? undefined : new Engine(source, { slots, cacheBytes: room(source, prompts, given) });
  const engine = own ?? (source as Engine);
  const stopIds = new Set(settings.stopIds ?? tokenIds(engine.model.config.eos_token_id));
  const answers: SampledAnswer[][] = [];
  const open = new Set<Job>();
  let failure: { error: unknown } | undefined;

  const ask = (index: number): void => {
    const prompt = Array.from(prompts[index]!);
    const key = keys ? keys[index]! : prompt.join(' ');
    answers[index] = Array.from({ length: samples }, () => ({ ids: [], finished: false, logprobs: [] }));
    let left = samples;
    for (const [k, answer] of answers[index].entries()) {
      const job = engine.add({
        ...settings,
        prompt,
        temperature,
        seed: deriveSeed(seed, 'answer', key, k),
        stopIds: undefined, // these are part of the answer
        logprobs: 0,
        onId(id, logprobs) {
          answer.ids.push(id);
          answer.logprobs.push(logprobs!.logprob);
          answer.finished = stopIds.has(id);
          return answer.finished;
        },
        onEnd() {
          open.delete(job);
          if (--left === 0) onPrompt?.(index, answers[index]!);
        },
        onError: (error) => {
          failure ??= { error };
        },
      });
      open.add(job);
    }
  };
  try {
    for (let next = 0; ; ) {
      signal?.throwIfAborted();
      // Enough to fill every place that comes free, and no more: there may be a million prompts.
      while (next < prompts.length && open.size < 2 * engine.slots) ask(next++);
      if (open.size === 0) return answers;
      engine.step();
      if (failure) throw failure.error;
      await setImmediate();
    }
  } finally {
    for (const job of open) job.cancel();
  }
}

/** For all answers that are written at the same time. */
function room(
  { config }: LanguageModel,
  prompts: readonly ArrayLike<number>[],
  { slots = 16, maxTokens = defaultMaxTokens }: SampleAnswersOptions,
): number {
  return roomFor(config, slots, prompts.reduce((longest, { length }) => Math.max(longest, length), 1) + maxTokens);
}

function requireFitting(
  source: LanguageModel | Engine,
  prompts: number,
  keys: SampleAnswersOptions['keys'],
  slots: number | undefined,
): void {
  if (slots !== undefined && source instanceof Engine)
    throw new ConfigError('without-effect', 'sampleAnswers: slots has no effect with an engine, which has its own', {
      remedy: 'Leave slots out, or give the model.',
      fields: { option: 'slots' },
    });
  if (keys !== undefined && keys.length !== prompts)
    throw new ConfigError('bad-option', `sampleAnswers: ${keys.length} keys came with ${prompts} prompts`, {
      remedy: 'Give one key for each prompt.',
      fields: { option: 'keys' },
    });
}
