// `tsumugi demo`: the recipe plamo2-mini on two novels or a text of your own, then samples and a chat. As with any recipe, complete
// stages of an earlier run are used again, and a stage that was cut off goes on.
import { join } from 'node:path';
import { signalExitCode, UserError } from '../base/index.ts';
import { generateText, loadModel, loadTokenizer } from '../lm/index.ts';
import { type RecipeOutcome, type RecipeReport, runRecipe } from '../recipe/index.ts';
import { formatDuration } from '../run/index.ts';
import { listSourceFiles } from '../text/index.ts';
import { chat } from './chat.ts';
import { defineCommand } from './command.ts';
import { dim, type Io, printable, write } from './io.ts';
import { loadOwnRecipe } from './recipes.ts';
import { applySettings } from './settings.ts';
import { textOptions } from './text-options.ts';

const { text: _text, ...reading } = textOptions;
const prompts = ['吾輩は猫である。', '親譲りの無鉄砲で', 'ある日の事、主人は'];
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
        default: 5,
        help: 'time for pre-training at most; a small text takes less',
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
    const model = join(options.out, report.stages.findLast(({ kind }) => kind === 'model')!.name, 'model');
    const bits = bitsOf(report);
    const seconds = (performance.now() - began) / 1000;
    if (options.json) {
      await write(io.stdout, `${JSON.stringify({ model, bitsPerCharacter: bits, seconds })}\n`);
      return 0;
    }
    io.stderr.write(
      `\nheld-out bits per character: ${bits.before?.toFixed(3)} before training, ${bits.after?.toFixed(3)} after\n` +
        `report: ${join(options.out, 'report.html')}\n\n` +
        `what it writes  ${dim(io.stderr, `(after ${formatDuration(seconds)})`)}\n`,
    );
    await show(model, io);
    return 0;
  },
);

/** Runs the recipe; once more without the extension when no document is long enough to learn long contexts from. */
async function runDemo(options: DemoOptions, io: Io): Promise<RecipeOutcome> {
  const recipe = await loadOwnRecipe('plamo2-mini');
  const attempt = (longContext: boolean) =>
    runRecipe(recipe, applySettings(recipe.config, { ...settingsOf(options), longContext, smaller: false }), {
      out: options.out,
      stream: io.stderr,
    });
  try {
    return await attempt(true);
  } catch (error) {
    if (!(error instanceof UserError) || error.code !== 'no-long-document') throw error;
    io.stderr.write(`\n${error.message.split('\n', 1)[0]}: the model keeps the context it has\n\n`);
    return attempt(false);
  }
}

/** The settings of the recipe that the options stand for. */
function settingsOf({ text, field, encoding, documentCharacters, ...options }: DemoOptions): object {
  const { vocabularySize, model, minutes, seed } = options;
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
    pretrain: { model, minutes, seed },
    extend: { seed },
  };
}

/** Held-out bits per character before and after pre-training. */
function bitsOf({ stages }: RecipeReport): { before: number | null; after: number | null } {
  const { metrics = [] } = stages.find(({ name }) => name === 'pretrain') ?? {};
  const value = (name: string) => metrics.find((metric) => metric.name === name)?.value ?? null;
  return { before: value('held-out bits per character before'), after: value('held-out bits per character') };
}

/** Prints samples of a model; at a terminal, a chat with it follows. */
async function show(folder: string, io: Io): Promise<void> {
  using model = loadModel(folder);
  const tokenizer = loadTokenizer(folder, model.config);
  for (const [seed, prompt] of prompts.entries()) {
    await write(io.stdout, dim(io.stdout, prompt));
    for (const piece of generateText(model, tokenizer, prompt, { maxTokens: 80, temperature: 0.8, topP: 0.95, seed }))
      await write(io.stdout, printable(io.stdout, piece));
    await write(io.stdout, '\n\n');
  }
  if (io.stdin.isTTY && io.stdout.isTTY) await chat(model, tokenizer, { io });
  else io.stderr.write(`Talk to it: npx tsumugi chat --model ${folder}\n`);
}
