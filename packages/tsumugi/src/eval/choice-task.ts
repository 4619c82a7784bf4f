// A task of multiple choice by log-likelihood: a source of samples, a question's prompt, its choices, the right one. All the usual
// normalisations are reported (choice.ts), unless there is nothing to normalise.
import type { Heatmap } from '../draw/index.ts';
import { bestChoice, type ChoiceMetric, checkChoices, choiceMetrics, judgeChoice, NEUTRAL_PROMPT } from './choice.ts';
import { targetOf } from './examples.ts';
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
import type { ChoicesRequest } from './request.ts';
import type { ChoiceTask, Sample, SampleContext, SampleRecord } from './task.ts';

interface ChoiceSpec<S extends Sample> extends MadeTaskSpec<S> {
  prompt(sample: S, shots: readonly S[]): string;
  choices(sample: S): readonly string[];
  /** Index of the right choice. */
  target(sample: S): number;
  /** How a record shows a choice. Default: its index. */
  shown?(sample: S, choice: number): unknown;
  heatmap?(samples: readonly S[], records: SampleRecord[], context: SampleContext): Heatmap;
}

export type ChoiceTaskSpec<S extends Sample> =
  /** `metric` is the accuracy to look at first. */
  | (ChoiceSpec<S> & { metric: ChoiceMetric; normalise?: true })
  /** Where the choices are alike in length: `metric` is what the one accuracy is called, `acc` as a rule. */
  | (ChoiceSpec<S> & { normalise: false });

export function choiceTask<S extends Sample>(spec: ChoiceTaskSpec<S>): ChoiceTask<S> {
  const info = infoOf(spec as never, 'choiceTask', ['prompt', 'choices', 'target'], ['normalise', 'shown']);
  const normalise = spec.normalise !== false;
  const names = normalise ? choiceMetrics : [spec.metric];
  if (!spec.aggregate) checkMetric(spec, names, undefined);
  const right = (sample: S, at?: number) => targetOf(spec, sample, spec.choices(sample), spec.target(sample), at);
  const shown = (sample: S, choice: number) => (spec.shown ? spec.shown(sample, choice) : choice);
  const score: ChoiceTask<S>['score'] = (sample, answer, neutral) => {
    const choices = spec.choices(sample);
    for (const each of neutral ? [answer, neutral] : [answer]) checkChoices(spec.name, choices, each);
    const { metrics } = judgeChoice(choices, right(sample), answer, neutral);
    return normalise ? metrics : { [spec.metric]: metrics.acc };
  };
  const read = async (context: SampleContext): Promise<Read<S>> => {
    const found = await readSamples<S>(spec, context);
    for (const example of found.shots) right(example);
    for (const [i, sample] of found.all.entries()) right(sample, i);
    checkMetric(spec, names, aggregateOf<S>(spec, context));
    return found;
  };
  return {
    ...info,
    kind: 'choices',
    async samples(context) {
      const { samples, shots } = await read(context);
      return { samples, shots };
    },
    prompt: (sample, shots = []) => spec.prompt(sample, shots),
    choices: (sample) => spec.choices(sample),
    reference: (sample) => spec.choices(sample)[right(sample)]!,
    score,
    async run(context) {
      const found = await read(context);
      const { samples, shots } = found;
      const ask = (prompt: (sample: S) => string) =>
        samples.map(
          (sample): ChoicesRequest => ({ kind: 'choices', prompt: prompt(sample), choices: spec.choices(sample) }),
        );
      const ids = samples.map(({ id }) => id);
      const requests = ask((sample) => spec.prompt(sample, shots));
      const neutral = normalise ? ask(() => NEUTRAL_PROMPT) : [];
      const answers = await context.ask([...requests, ...neutral], [...ids, ...(normalise ? ids : [])]);
      const records = samples.map((sample, i) =>
        recordOf(spec, sample, score(sample, answers[i]!, answers[samples.length + i]), context, {
          prompt: requests[i],
          answer: { read: shown(sample, bestChoice(answers[i]!.logprobs)), whole: answers[i] },
          target: shown(sample, right(sample)),
        }),
      );
      const heatmap = spec.heatmap?.(samples, records, context);
      return resultOf<S>(spec, context, found, {
        records,
        ...(normalise && { settings: { neutralPrompt: NEUTRAL_PROMPT }, wording: NEUTRAL_PROMPT }),
        ...(heatmap && { heatmap }),
      });
    },
  };
}
