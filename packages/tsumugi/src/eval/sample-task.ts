// The usual task: samples from a file, one request each, one score each. A new task is one small file that calls this.
import { sha256 } from '../base/index.ts';
import { examplesOf } from './examples.ts';
import type { AnswerTo, Request } from './request.ts';
import type { DataSource, SampleRecord, Task, TaskContext, TaskResult } from './task.ts';

/** What the metric made of an answer. */
export interface Scored {
  metrics: Readonly<Record<string, number>>;
  /** The answer as the metric read it, e.g. the picked choice. */
  answer: unknown;
  target: unknown;
}

export interface SampleTaskSpec<S extends { id: string }, R extends Request> {
  name: string;
  version: number;
  summary: string;
  metric: string;
  asks: readonly Request['kind'][];
  /** None when the samples are in the file itself. */
  data?: DataSource | undefined;
  /** Examples in the prompt unless --shots says otherwise. */
  shots: number;
  /** The samples to answer, in the file's order, and those to show as examples (never among the samples). */
  load(context: TaskContext): { samples: readonly S[]; examples: readonly S[] };
  /** Everything fixed in the prompt's wording (instruction, template): part of the prompt hash. */
  wording: string;
  ask(sample: S, examples: readonly S[], context: TaskContext): R;
  score(sample: S, answer: AnswerTo<R>): Scored;
  groups?(sample: S): readonly string[];
  aggregate?: TaskResult['aggregate'];
  settings?(context: TaskContext): TaskResult['settings'];
}

export function sampleTask<S extends { id: string }, R extends Request>(spec: SampleTaskSpec<S, R>): Task {
  const { name, version, summary, metric, asks, data, shots } = spec;
  return {
    ...{ name, version, summary, metric, asks, shots },
    ...(data && { data }),
    async run(context) {
      const loaded = spec.load(context);
      const examples = examplesOf(loaded.examples, shots, context);
      const samples = loaded.samples.slice(0, context.limit);
      const requests = samples.map((sample) => spec.ask(sample, examples, context));
      const answers = await context.ask(
        requests,
        samples.map(({ id }) => id),
      );
      const records = samples.map((sample, i): SampleRecord => {
        const { metrics, answer, target } = spec.score(sample, answers[i]!);
        return {
          id: sample.id,
          metrics,
          ...(spec.groups && { groups: spec.groups(sample) }),
          ...(context.keepTexts && { prompt: requests[i]!, answer: { read: answer, whole: answers[i] }, target }),
        };
      });
      return {
        records,
        ...(spec.aggregate && { aggregate: spec.aggregate }),
        settings: { shots: examples.length, ...spec.settings?.(context) },
        promptHash: sha256(spec.wording),
      };
    },
  };
}
