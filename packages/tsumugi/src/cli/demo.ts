// `tsumugi demo`: the recipe plamo2-mini on two novels or a text of your own; then what the aligned model answers where the base model was
// asked the same, and a chat. As with any recipe, complete stages of an earlier run are used again, and a stage that was cut off goes on.
import { join } from 'node:path';
import { isObject, signalExitCode, UserError } from '../base/index.ts';
import { generateText, loadModel, loadTokenizer } from '../lm/index.ts';
import { type RecipeOutcome, type RecipeReport, runRecipe } from '../recipe/index.ts';
import { formatDuration, leftOutNote, wholeCharacters } from '../run/index.ts';
import { findTemplate, listSourceFiles } from '../text/index.ts';
import { chat } from './chat.ts';
import { defineCommand } from './command.ts';
import { dim, type Io, printable, write } from './io.ts';
import { loadOwnRecipe } from './recipes.ts';
import { applySettings } from './settings.ts';
import { textOptions } from './text-options.ts';

const { text: _text, ...reading } = textOptions;
const prompts = ['吾輩は猫である。', '親譲りの無鉄砲で', 'ある日の事、主人は'];
/** What the recipe takes on two cores, and its pre-training at most. Our measure and our choice. */
const [wholeMinutes, pretrainMinutes] = [12, 5];
/** Less text than this is cut into shorter documents, so that some can be held out. Our choice. */
const smallBytes = 500_000;

interface DemoOptions {
  text: readonly string[];
  field: string;
  encoding: string | undefined;
  documentCharacters: number | undefined;
  out: string;
  minutes: number;
  vocabularySize: number;
  model: string;
  seed: number;
}

export const run = defineCommand(
  {
    command: 'tsumugi demo',
    summary: 'train a small Japanese model and talk to it',
    options: {
      text: { type: 'list', value: 'PATH', help: 'files and folders to learn from (default: two novels)' },
      ...reading,
      out: { type: 'string', value: 'DIR', default: 'runs/demo', help: 'folder for everything that is made' },
      minutes: {
        type: 'number',
        min: 0.01,
        default: wholeMinutes,
        help: 'about the time there is on two cores: with less, every training is shorter',
      },
      vocabularySize: { type: 'integer', min: 300, default: 4096, help: 'pieces of the tokenizer' },
      model: { type: 'string', default: 'mini', help: 'shape of the model: a preset name' },
      seed: { type: 'integer', min: 0, default: 0, help: 'of everything random' },
      json: { type: 'boolean', help: 'print the result as JSON, without samples and prompt' },
    },
    details: 'It runs the recipe plamo2-mini: "tsumugi run plamo2-mini" has every setting of it.',
  },
  async (options, io) => {
    const began = performance.now();
    const { interrupted, report } = await runDemo(options, io);
    if (interrupted) {
      io.stderr.write('saved; the same command goes on from here\n');
      return signalExitCode();
    }
    const models = report.stages.filter(({ kind }) => kind === 'model').map(({ name }) => name);
    const model = join(options.out, models.at(-1)!, 'model');
    const bits = bitsOf(report);
    const answers = answersOf(report);
    const seconds = (performance.now() - began) / 1000;
    if (options.json) {
      const right = answers && Object.fromEntries(answers.right);
      await write(io.stdout, `${JSON.stringify({ model, bitsPerCharacter: bits, answersRight: right, seconds })}\n`);
      return 0;
    }
    io.stderr.write(
      `\nheld-out bits per character: ${bits.before?.toFixed(3)} before training, ${bits.after?.toFixed(3)} after\n` +
        `report: ${join(options.out, 'report.html')}\n\n` +
        `what it writes  ${dim(io.stderr, `(after ${formatDuration(seconds)})`)}\n`,
    );
    await showSamples(join(options.out, answers?.base ?? models.at(-1)!, 'model'), io);
    if (answers) await write(io.stdout, answers.text);
    await talk(model, io);
    return 0;
  },
);

/** Runs the recipe; without what a text is not good for: long contexts, or questions about it. */
async function runDemo(options: DemoOptions, io: Io): Promise<RecipeOutcome> {
  const recipe = await loadOwnRecipe('plamo2-mini');
  const left: Record<string, boolean> = {};
  for (;;) {
    const settings = scaled(recipe.config.parse({}) as unknown as DemoRecipe, options.minutes);
    const config = applySettings(recipe.config, merged(settings, { ...settingsOf(options), ...left }));
    try {
      return await runRecipe(recipe, config, { out: options.out, stream: io.stderr });
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      const unfit = unfitTexts[error.code];
      if (unfit === undefined || left[unfit.setting] !== undefined) throw error;
      io.stderr.write(`\n${error.fault}: ${unfit.instead}\n\n`);
      left[unfit.setting] = false;
    }
  }
}

/** What goes wrong with texts that the recipe is not made for, and what is left out then. */
const unfitTexts: Readonly<Record<string, { setting: string; instead: string }>> = {
  'no-long-document': { setting: 'longContext', instead: 'the model keeps the context it has' },
  'nothing-built': { setting: 'aligned', instead: 'the model learns no answers' },
};

/** The settings of the recipe that the options stand for. */
function settingsOf({ text, field, encoding, documentCharacters, ...options }: DemoOptions): object {
  const { vocabularySize, model, seed } = options;
  const bytes = text.length > 0 ? listSourceFiles(text).reduce((sum, file) => sum + file.bytes, 0) : smallBytes;
  const characters = documentCharacters ?? (bytes < smallBytes ? 2000 : undefined);
  return {
    text,
    reading: {
      field,
      ...(encoding !== undefined && { encoding }),
      ...(characters && { documentCharacters: characters }),
    },
    tokenizer: { vocabularySize },
    data: { seed },
    pretrain: { model, seed },
    extend: { seed },
  };
}

interface DemoRecipe {
  extend: { phases: readonly { steps: number }[] };
  distill: { steps: number };
}

/** The recipe's trainings when there is less time than it takes as it is. */
function scaled({ extend, distill }: DemoRecipe, minutes: number): object {
  const share = Math.min(1, minutes / wholeMinutes);
  const part = (steps: number) => Math.ceil(share * steps);
  const learning = { epochs: 3 * share };
  const pretrain = { minutes: (minutes * pretrainMinutes) / wholeMinutes };
  if (share === 1) return { pretrain };
  return {
    pretrain,
    extend: { phases: extend.phases.map((phase) => ({ ...phase, steps: part(phase.steps) })) },
    distill: { steps: part(distill.steps) },
    sibling: { steps: part(distill.steps) },
    sft: learning,
    sftSibling: learning,
    dpo: { epochs: share },
  };
}

/** Settings of stages over others. */
function merged(below: object, above: object): object {
  const all: Record<string, unknown> = { ...below };
  for (const [key, value] of Object.entries(above))
    all[key] = isObject(value) && isObject(all[key]) ? { ...all[key], ...value } : value;
  return all;
}

/** Held-out bits per character before and after pre-training. */
function bitsOf({ stages }: RecipeReport): { before: number | null; after: number | null } {
  const { metrics = [] } = stages.find(({ name }) => name === 'pretrain') ?? {};
  const value = (name: string) => metrics.find((metric) => metric.name === name)?.value ?? null;
  return { before: value('held-out bits per character before'), after: value('held-out bits per character') };
}

/** What models answered: shares by model, the first of them the base, and a text with some of the answers. */
function answersOf({ stages }: RecipeReport): { base: string; right: [string, number][]; text: string } | undefined {
  const [shares, some] = stages.find(({ name }) => name === 'answers')?.tables ?? [];
  if (!shares || !some) return undefined;
  const [always, ...models] = shares.rows.map(([name, value, low, high]) => ({
    name: String(name),
    right: Number(value),
    text: `${percent(value)}${low === null ? '' : ` (${percent(low)} to ${percent(high)})`}`,
  }));
  const base = models[0]!.name;
  const last = some.columns.length - 1;
  const questions = some.rows.slice(0, 5).map((row) => {
    const [question, right, before] = row.map(String) as [string, string, string];
    const line = (text: string) => text.replaceAll('\n', ' ');
    return `${question}\n  ${right} is right; ${base}: ${line(before)}; ${models.at(-1)!.name}: ${line(String(row[last]))}\n\n`;
  });
  const lines = [always!, ...models].map(({ name, text }) => `  ${name}  ${text}\n`);
  return {
    base,
    right: models.map(({ name, right }): [string, number] => [name, right]),
    text: `${questions.join('')}answers right, of ${shares.rows[0]!.at(-1)} held-out questions\n${lines.join('')}\n`,
  };
}

const percent = (share: unknown): string => `${(100 * Number(share)).toFixed(1)} %`;

/** Prints what a model writes. */
async function showSamples(folder: string, io: Io): Promise<void> {
  using model = loadModel(folder);
  const tokenizer = loadTokenizer(folder, model.config);
  for (const [seed, prompt] of prompts.entries()) {
    await write(io.stdout, dim(io.stdout, prompt));
    let broken = 0;
    for (const piece of generateText(model, tokenizer, prompt, { maxTokens: 80, temperature: 0.8, topP: 0.95, seed })) {
      const { text, leftOut } = wholeCharacters(piece);
      broken += leftOut;
      await write(io.stdout, printable(io.stdout, text));
    }
    await write(io.stdout, `${dim(io.stdout, leftOutNote(broken))}\n\n`);
  }
}

/** At a terminal, a chat with a model: by its chat template, where it has learned one. */
async function talk(folder: string, io: Io): Promise<void> {
  if (!io.stdin.isTTY || !io.stdout.isTTY)
    return void io.stderr.write(`Talk to it: npx tsumugi chat --model ${folder}\n`);
  using model = loadModel(folder);
  const tokenizer = loadTokenizer(folder, model.config);
  const template = findTemplate(folder, tokenizer, undefined);
  // The answer that it gives when it is asked the likeliest.
  await chat(model, tokenizer, { io, template, ...(template && { sampling: { temperature: 0 } }) });
}
