// The protocol of llm-jp-eval v1.3.0 ("Jaster"): an instruction, examples, an input; the answer is what is written up to the
// first blank line. Source: github.com/llm-jp/llm-jp-eval (Apache-2.0), whose instructions are part of the protocol.
import { type GenerateTaskSpec, generateTask, inChat } from '../generate-task.ts';
import { readAnswer, readTarget } from '../metrics/exact-match.ts';
import type { GenerateTask, SampleContext } from '../task.ts';

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
    GenerateTaskSpec<LlmJpEvalSample>,
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
export function llmJpEvalTask(spec: LlmJpEvalSpec): GenerateTask<LlmJpEvalSample> {
  const { instruction, form, wordingFrom, labels = [], maxTokens, ...own } = spec;
  const limit = ({ countTokens }: SampleContext) =>
    Math.max(maxTokens, ...(countTokens ? labels.map((label) => countTokens(label)) : []));
  return generateTask<LlmJpEvalSample>({
    ...own,
    shots: 4,
    wording: llmJpEvalWording(instruction, form),
    prompt: (sample, shots, how) => inChat(llmJpEvalPrompt(instruction, sample, shots), how),
    decoding: (context) => ({ maxTokens: limit(context), stop: ['\n\n'] }),
    reference: ({ output }) => output,
    read: readAnswer,
    target: ({ output }) => readTarget(output),
    score: ({ output }, answer) => spec.score(answer, readTarget(output)),
    groups: (sample) => sample.groups ?? [],
    settings: (context, samples) => ({
      wording: wordingFrom,
      form: context.chat ? 'chat' : 'completion',
      maxTokens: limit(context),
      temperature: 0,
      ...spec.settings?.(context, samples),
    }),
  });
}
