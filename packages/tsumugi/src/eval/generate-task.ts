// A task in which a text is written: a source of samples, a prompt, a reference answer, and the score of a text.

import { UserError } from '../base/index.ts';
import type { Heatmap } from '../draw/index.ts';
import {
  aggregateOf,
  checkMetric,
  infoOf,
  type MadeTaskSpec,
  type Read,
  readSamples,
  recordOf,
  resultOf,
} from './made-task.ts';
import type { GenerateRequest, Prompt } from './request.ts';
import type { GenerateTask, Metrics, Sample, SampleContext, SampleRecord } from './task.ts';

/** How a text is written. By default greedily, until the model ends it. */
export interface Decoding {
  maxTokens: number;
  stop?: readonly string[];
  temperature?: number;
  topP?: number;
  seed?: number;
}

/** `R` is an answer as it is read: the text itself unless `read` makes something else of it. */
export interface GenerateTaskSpec<S extends Sample, R = string> extends MadeTaskSpec<S> {
  prompt(sample: S, shots: readonly S[], how: Pick<SampleContext, 'chat'>): Prompt;
  decoding: Decoding | ((context: SampleContext, sample: S) => Decoding);
  /** A right answer, as it would be written. */
  reference?(sample: S): string | undefined;
  /** What is made of a text before it is scored. */
  read?(text: string, sample: S): R;
  score(sample: S, read: R): Metrics;
  /** What a record shows as expected. Default: the reference. */
  target?(sample: S): unknown;
  heatmap?(
    samples: readonly S[],
    found: { records: SampleRecord[]; read: readonly R[] },
    context: SampleContext,
  ): Heatmap;
}

/** A prompt for a model that chats: one message of a user. */
export function inChat(text: string, { chat }: Pick<SampleContext, 'chat'>): Prompt {
  return chat ? [{ role: 'user', content: text }] : text;
}

export function generateTask<S extends Sample, R = string>(spec: GenerateTaskSpec<S, R>): GenerateTask<S> {
  const optional = ['reference', 'read', 'target'];
  const info = infoOf(spec as never, 'generateTask', ['prompt', 'decoding', 'score'], optional);
  const readText = (text: string, sample: S) => (spec.read ? spec.read(text, sample) : (text as R));
  const reference = (sample: S) => spec.reference?.(sample);
  const score = (sample: S, text: string): Metrics => {
    if (typeof text === 'string') return spec.score(sample, readText(text, sample));
    throw new UserError('bad-answer', `${spec.name}: score takes the text that was written, not a ${typeof text}`, {
      remedy: 'Give `answer.text`, not the answer.',
    });
  };
  const read = async (context: SampleContext): Promise<Read<S>> => {
    const found = await readSamples(spec, context);
    const [first] = found.all;
    if (first) checkMetric(spec, Object.keys(score(first, reference(first) ?? '')), aggregateOf(spec, context));
    return found;
  };
  const request = (sample: S, shots: readonly S[], context: SampleContext): GenerateRequest => {
    const decoding = typeof spec.decoding === 'function' ? spec.decoding(context, sample) : spec.decoding;
    const { maxTokens, stop = [], temperature = 0, topP = 1, seed = 0 } = decoding;
    const prompt = spec.prompt(sample, shots, context);
    return { kind: 'generate', prompt, maxTokens, stop, temperature, topP, seed };
  };
  return {
    ...info,
    kind: 'generate',
    async samples(context) {
      const { samples, shots } = await read(context);
      return { samples, shots };
    },
    prompt: (sample, shots = [], how = { chat: false }) => spec.prompt(sample, shots, how),
    reference,
    score,
    async run(context) {
      const found = await read(context);
      const { samples, shots } = found;
      const requests = samples.map((sample) => request(sample, shots, context));
      const ids = samples.map(({ id }) => id);
      const answers = await context.ask(requests, ids);
      const reads = samples.map((sample, i) => readText(answers[i]!.text, sample));
      const records = samples.map((sample, i) =>
        recordOf(spec, sample, spec.score(sample, reads[i]!), context, {
          prompt: requests[i],
          answer: { read: reads[i], whole: answers[i] },
          target: spec.target ? spec.target(sample) : reference(sample),
        }),
      );
      const heatmap = spec.heatmap?.(samples, { records, read: reads }, context);
      return resultOf(spec, context, found, { records, ...(heatmap && { heatmap }) });
    },
  };
}
