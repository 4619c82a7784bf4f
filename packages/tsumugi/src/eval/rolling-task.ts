// A task of prediction: a source of texts, and what their log-likelihoods are worth, whole or in bins of positions.
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
import type { RollingAnswer, RollingRequest } from './request.ts';
import type { Metrics, RollingTask, Sample, SampleContext, SampleRecord } from './task.ts';

export interface RollingTaskSpec<S extends Sample> extends MadeTaskSpec<S> {
  text(sample: S): string;
  /** Token positions where bins end. None = one bin over the whole text. */
  edges?(context: SampleContext): readonly number[];
  score(sample: S, answer: RollingAnswer): Metrics;
  heatmap?(samples: readonly S[], records: SampleRecord[], context: SampleContext): Heatmap;
}

export function rollingTask<S extends Sample>(spec: RollingTaskSpec<S>): RollingTask<S> {
  const info = infoOf(spec as never, 'rollingTask', ['text', 'score'], ['edges']);
  const read = async (context: SampleContext): Promise<Read<S>> => {
    const found = await readSamples(spec, context);
    const [first] = found.all;
    const even = (spec.edges?.(context) ?? [1]).map(() => 1);
    if (first) {
      const metrics = spec.score(first, { nats: even, tokens: even, characters: even });
      checkMetric(spec, Object.keys(metrics), aggregateOf(spec, context));
    }
    return found;
  };
  return {
    ...info,
    kind: 'rolling',
    async samples(context) {
      const { samples, shots } = await read(context);
      return { samples, shots };
    },
    prompt: (sample) => spec.text(sample),
    score: (sample, answer) => spec.score(sample, answer),
    async run(context) {
      const found = await read(context);
      const { samples } = found;
      const edges = spec.edges?.(context);
      const requests = samples.map(
        (sample): RollingRequest => ({ kind: 'rolling', text: spec.text(sample), ...(edges && { edges }) }),
      );
      const ids = samples.map(({ id }) => id);
      const answers = await context.ask(requests, ids);
      const records = samples.map((sample, i) =>
        recordOf(spec, sample, spec.score(sample, answers[i]!), context, {
          // Without bins the text is all that is asked.
          prompt: edges ? requests[i] : requests[i]!.text,
          answer: answers[i],
        }),
      );
      const heatmap = spec.heatmap?.(samples, records, context);
      return resultOf(spec, context, found, { records, ...(heatmap && { heatmap }) });
    },
  };
}
