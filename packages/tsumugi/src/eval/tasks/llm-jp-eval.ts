// The protocol of llm-jp-eval v1.3.0 ("Jaster"): an instruction, examples, an input; the answer is what is written up to the
// first blank line. Source: github.com/llm-jp/llm-jp-eval (Apache-2.0), whose instructions are part of the protocol.
import { readAnswer, readTarget } from '../metrics/exact-match.ts';
import type { GenerateRequest } from '../request.ts';
import { type SampleTaskSpec, sampleTask } from '../sample-task.ts';
import type { Task, TaskContext } from '../task.ts';

/** A question with its answer, in the words of the prompt. */
export interface LlmJpEvalSample {
  id: string;
  input: string;
  output: string;
  groups?: readonly string[];
  /** Shown instead of the task's examples, e.g. those of the sample's own subject; as many as are asked for. */
  ownExamples?: readonly LlmJpEvalSample[];
}

const header =
  '以下は、タスクを説明する指示と、文脈のある入力の組み合わせです。要求を適切に満たす応答を書きなさい。\n\n### 指示:\n{instruction}';
const turn = '\n\n### 入力:\n{input}\n\n### 応答:\n{output}';

/** The prompt of a sample; `shots` of its own examples, otherwise all of `examples`. */
export function llmJpEvalPrompt(
  instruction: string,
  { input, ownExamples }: LlmJpEvalSample,
  examples: readonly LlmJpEvalSample[],
): string {
  const shown = ownExamples?.slice(0, examples.length) ?? examples;
  return [
    fill(header, { instruction }),
    ...shown.map((example) => fill(turn, { input: example.input, output: example.output })),
    fill(turn, { input, output: '' }),
  ].join('');
}

/** What is fixed in the prompts of a task. `form` is the template of its inputs. */
export function llmJpEvalWording(instruction: string, form: string): string {
  return [header, turn, instruction, form].join('\n');
}

/** Puts fields in the place of their names in braces. */
export function fill(template: string, fields: Readonly<Record<string, string>>): string {
  return template.replace(/\{(\w+)\}/g, (whole, name: string) => (Object.hasOwn(fields, name) ? fields[name]! : whole));
}

export interface LlmJpEvalSpec
  extends Pick<
    SampleTaskSpec<LlmJpEvalSample, GenerateRequest>,
    'name' | 'version' | 'summary' | 'metric' | 'data' | 'load' | 'aggregate' | 'settings'
  > {
  instruction: string;
  /** Template of the inputs. */
  form: string;
  /** Where the wording is from. */
  wordingFrom: 'llm-jp-eval v1.3.0' | 'ours';
  /** llm-jp-eval's `output_length`. */
  maxTokens: number;
  /** All answers there can be, where they are few: room is made for the longest when the model's tokens are small. */
  labels?: readonly string[];
  /** Answer and target as they are read (NFKC). */
  score(answer: string, target: string): Record<string, number>;
}

/** A task by this protocol: 4 examples, greedy. A model that chats gets the prompt as one message. */
export function llmJpEvalTask(spec: LlmJpEvalSpec): Task {
  const { instruction, form, labels = [], maxTokens } = spec;
  const limit = ({ countTokens }: TaskContext) =>
    Math.max(maxTokens, ...(countTokens ? labels.map((label) => countTokens(label)) : []));
  return sampleTask<LlmJpEvalSample, GenerateRequest>({
    ...spec,
    asks: ['generate'],
    shots: 4,
    wording: llmJpEvalWording(instruction, form),
    ask(sample, examples, context) {
      const prompt = llmJpEvalPrompt(instruction, sample, examples);
      return {
        kind: 'generate',
        prompt: context.chat ? [{ role: 'user', content: prompt }] : prompt,
        maxTokens: limit(context),
        stop: ['\n\n'],
        temperature: 0,
        topP: 1,
        seed: 0,
      };
    },
    score(sample, { text }) {
      const [answer, target] = [readAnswer(text), readTarget(sample.output)];
      return { metrics: spec.score(answer, target), answer, target };
    },
    groups: (sample) => sample.groups ?? [],
    settings: (context) => ({
      wording: spec.wordingFrom,
      form: context.chat ? 'chat' : 'completion',
      maxTokens: limit(context),
      temperature: 0,
      ...spec.settings?.(context),
    }),
  });
}
