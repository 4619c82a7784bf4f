// A task of multiple choice by log-probability: a source, a question's prompt, its choices, the right one. All the usual
// normalisations are reported (choice.ts).
import { sha256 } from '../base/index.ts';
import { type ChoiceMetric, judgeChoice, NEUTRAL_PROMPT } from './choice.ts';
import { examplesOf, targetOf } from './examples.ts';
import type { ChoicesRequest } from './request.ts';
import type { DataSource, SampleRecord, Task, TaskContext, TaskResult } from './task.ts';

export interface ChoiceTaskSpec<S extends { id: string }> {
  name: string;
  version: number;
  summary: string;
  /** The accuracy to look at first. */
  metric: ChoiceMetric;
  /** None when the samples are in the file itself. */
  data?: DataSource | undefined;
  /** Examples in the prompt unless --shots says otherwise. */
  shots: number;
  /** The samples to answer, in the file's order, and those to show as examples (never among the samples). */
  load(context: TaskContext): { samples: readonly S[]; examples: readonly S[] };
  /** Everything fixed in the prompt's wording: part of the prompt hash. */
  wording: string;
  prompt(sample: S, examples: readonly S[]): string;
  choices(sample: S): readonly string[];
  /** Index of the right choice. */
  target(sample: S): number;
  groups?(sample: S): readonly string[];
  settings?(context: TaskContext): TaskResult['settings'];
}

export function choiceTask<S extends { id: string }>(spec: ChoiceTaskSpec<S>): Task {
  const { name, version, summary, metric, data, shots } = spec;
  return {
    ...{ name, version, summary, metric, asks: ['choices'], shots },
    ...(data && { data }),
    async run(context) {
      const loaded = spec.load(context);
      const examples = examplesOf(loaded.examples, shots, context);
      const samples = loaded.samples.slice(0, context.limit);
      const ask = (prompt: (sample: S) => string) =>
        samples.map(
          (sample): ChoicesRequest => ({ kind: 'choices', prompt: prompt(sample), choices: spec.choices(sample) }),
        );
      const ids = samples.map(({ id }) => id);
      const requests = ask((sample) => spec.prompt(sample, examples));
      const answers = await context.ask([...requests, ...ask(() => NEUTRAL_PROMPT)], [...ids, ...ids]);
      const records = samples.map((sample, i): SampleRecord => {
        const request = requests[i]!;
        const target = targetOf(name, sample.id, request.choices, spec.target(sample));
        const { metrics, picked } = judgeChoice(request.choices, target, answers[i]!, answers[samples.length + i]);
        return {
          id: sample.id,
          metrics,
          ...(spec.groups && { groups: spec.groups(sample) }),
          ...(context.keepTexts && { prompt: request, answer: { read: picked, whole: answers[i] }, target }),
        };
      });
      return {
        records,
        settings: { shots: examples.length, neutralPrompt: NEUTRAL_PROMPT, ...spec.settings?.(context) },
        promptHash: sha256(`${spec.wording}\n${NEUTRAL_PROMPT}`),
      };
    },
  };
}
