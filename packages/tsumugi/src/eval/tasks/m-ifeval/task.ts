// M-IFEval-ja: does a model follow instructions that a program can verify? 172 prompts with 226 instructions of 33 kinds.
// Prompt-level accuracy counts a prompt when all its instructions are followed, instruction-level counts instructions.
import type { Heatmap } from '../../../draw/index.ts';
import { generateTask, inChat } from '../../generate-task.ts';
import type { SampleRecord } from '../../task.ts';
import { passesLoose, passesStrict } from './check.ts';
import { type InstructionPrompt, readPrompts } from './prompts.ts';
import { loadTools, toolVersions } from './tools.ts';

const FILE = 'm-ifeval-ja/ja_input_data.jsonl';
/** Tokens that an answer may have: our choice; the longest that is asked for is 700 letters. */
const MAX_TOKENS = 2048;

/** Which of a prompt's instructions a response follows. */
interface Followed {
  strict: boolean[];
  loose: boolean[];
}

const share = (flags: readonly boolean[]) => flags.filter(Boolean).length / flags.length;
const all = (flags: readonly boolean[]) => (flags.every(Boolean) ? 1 : 0);

/** Accuracy over instructions: the share of a prompt weighs as much as it has instructions, which are its groups. */
const overInstructions = (metric: string) => (records: readonly SampleRecord[]) => {
  let [followed, instructions] = [0, 0];
  for (const { metrics, groups } of records) {
    followed += metrics[metric]! * groups!.length;
    instructions += groups!.length;
  }
  return followed / instructions;
};

const overPrompts = (metric: string) => (records: readonly SampleRecord[]) =>
  records.reduce((sum, { metrics }) => sum + metrics[metric]!, 0) / records.length;

const aggregate = {
  prompt_strict: overPrompts('prompt_strict'),
  prompt_loose: overPrompts('prompt_loose'),
  instruction_strict: overInstructions('instruction_strict'),
  instruction_loose: overInstructions('instruction_loose'),
};

/** Accuracy of every kind of instruction by itself. */
function kinds(prompts: readonly InstructionPrompt[], followed: readonly Followed[]): Heatmap {
  const flags = new Map<string, Followed>();
  prompts.forEach(({ instructions }, i) => {
    instructions.forEach(({ id }, k) => {
      const kind = flags.get(id) ?? { strict: [], loose: [] };
      kind.strict.push(followed[i]!.strict[k]!);
      kind.loose.push(followed[i]!.loose[k]!);
      flags.set(id, kind);
    });
  });
  const ids = [...flags.keys()].sort();
  return {
    title: 'M-IFEval-ja: accuracy by instruction',
    xLabel: 'measure',
    yLabel: 'instruction',
    x: ['strict', 'loose'],
    y: ids,
    values: ids.map((id) => [share(flags.get(id)!.strict), share(flags.get(id)!.loose)]),
    counts: ids.map((id) => [flags.get(id)!.strict.length, flags.get(id)!.loose.length]),
  };
}

export default generateTask<InstructionPrompt, Followed>({
  name: 'm-ifeval-ja',
  version: 1,
  summary: 'M-IFEval-ja: instructions that a program can verify, followed strictly and loosely',
  metric: 'instruction_strict',
  data: {
    files: [FILE],
    origin: 'https://github.com/lightblue-tech/M-IFEval, data/ja_input_data.jsonl',
    licence: 'Apache-2.0',
  },
  wording: (prompts) => prompts.map(({ prompt }) => prompt).join('\n'),
  load: async (context) => ({ samples: readPrompts(context.file(FILE), await loadTools()) }),
  prompt: ({ prompt }, _shots, how) => inChat(prompt, how),
  decoding: ({ seed }) => ({ maxTokens: MAX_TOKENS, seed }),
  read: (text, { instructions }) => ({
    strict: instructions.map(({ passes }) => passesStrict(text, passes)),
    loose: instructions.map(({ passes }) => passesLoose(text, passes)),
  }),
  score: (_prompt, { strict, loose }) => ({
    prompt_strict: all(strict),
    prompt_loose: all(loose),
    instruction_strict: share(strict),
    instruction_loose: share(loose),
  }),
  target: ({ instructions }) => instructions.map(({ id }) => id),
  groups: ({ instructions }) => instructions.map(({ id }) => id),
  aggregate,
  settings: ({ chat }) => ({
    prompt: chat ? 'chat' : 'plain',
    max_tokens: MAX_TOKENS,
    temperature: 0,
    ...toolVersions,
  }),
  heatmap: (prompts, { read }) => kinds(prompts, read),
});
