// `tsumugi demo`: the whole way on two novels, in minutes: tokenizer, shards, pre-training, samples, a prompt to talk at.
// What a former run finished is used again; a run that was cut off goes on.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from '../base/index.ts';
import { generateText, loadModel, loadTokenizer, openTokenizer } from '../lm/index.ts';
import { formatDuration, formatInteger, readEvents } from '../run/index.ts';
import {
  type Corpus,
  embeddedText,
  openCorpus,
  prepare,
  TrainingText,
  trainTokenizer,
  writeTokenizer,
} from '../text/index.ts';
import { isTrained, pretrain, pretrainConfig } from '../train/index.ts';
import { chat } from './chat.ts';
import { dim, type Io, printable, write } from './io.ts';
import { ProgressLine } from './progress.ts';
import { readOptions, textOptions } from './text-options.ts';
import { defineVerb } from './verb.ts';

// Our choice: text that is read more often is learned by heart (on the two novels, held-out bits per character rise again
// after the fifth time). Source of the number: Muennighoff et al. 2023, arXiv 2305.16264.
const epochs = 4;
const { text: _text, ...reading } = textOptions;
const prompts = ['吾輩は猫である。', '親譲りの無鉄砲で', 'ある日の事、主人は'];

export const run = defineVerb(
  {
    command: 'tsumugi demo',
    summary: 'train a small Japanese model and talk to it',
    options: {
      text: { type: 'list', value: 'PATH', help: 'files and folders to learn from (default: two novels)' },
      ...reading,
      out: { type: 'string', value: 'DIR', default: 'runs/demo', help: 'folder for everything that is made' },
      minutes: { type: 'number', min: 0.01, default: 5, help: 'time for training at most; a small text takes less' },
      vocabularySize: { type: 'integer', min: 300, default: 4096, help: 'pieces of the tokenizer' },
      model: { type: 'string', default: 'mini', help: 'shape of the model: a preset name' },
      seed: { type: 'integer', min: 0, default: 0, help: 'of everything random' },
      json: { type: 'boolean', help: 'print the result as JSON, without samples and prompt' },
    },
  },
  async (options, io) => {
    const say = (text: string) => write(io.stderr, `${text}\n`);
    const place = (name: string) => join(options.out, name);
    const text = options.text.length > 0 ? options.text : embeddedText();
    const corpus = openCorpus(text, { documentCharacters: 2000, ...readOptions(options) });
    const began = performance.now();

    await say(heading(io, 1, 'tokenizer'));
    await makeTokenizer(corpus, place('tokenizer'), options.vocabularySize, io);

    await say(heading(io, 2, 'token shards'));
    const { tokenizer, sha256 } = openTokenizer(place('tokenizer'));
    const { manifest } = await prepare(corpus, place('data'), {
      encoder: tokenizer,
      tokenizerHash: sha256,
      seed: options.seed,
      heldOutFraction: 0.05,
    });
    for (const [name, totals] of [
      ['to learn from', manifest.train],
      ['held out', manifest.heldOut],
    ] as const)
      await say(
        `  ${name}: ${formatInteger(totals.documents)} documents, ${formatInteger(totals.characters)} characters, ` +
          `${formatInteger(totals.tokens)} tokens (${(totals.characters / totals.tokens).toFixed(2)} characters each)`,
      );

    await say(heading(io, 3, 'pre-training'));
    const rows = { contextLength: 256, batchSize: 8 };
    const config = pretrainConfig.parse({
      ...rows,
      data: place('data'),
      tokenizer: place('tokenizer'),
      out: place('pretrain'),
      model: options.model,
      minutes: options.minutes,
      steps: Math.ceil((epochs * manifest.train.tokens) / (rows.contextLength * rows.batchSize)),
      evaluateEvery: 100,
      checkpointEvery: 100,
      seed: options.seed,
    });
    const bits = (await finishedRun(config.out)) ?? (await train(config, io));
    if (!bits) return 0;
    await say(
      `  held-out bits per character: ${bits.before.toFixed(3)} before training, ${bits.after.toFixed(3)} after`,
    );
    if (options.json) {
      const seconds = (performance.now() - began) / 1000;
      await write(
        io.stdout,
        `${JSON.stringify({ model: place('pretrain/model'), bitsPerCharacter: bits, seconds })}\n`,
      );
      return 0;
    }

    await say(
      heading(
        io,
        4,
        `what it writes  ${dim(io.stderr, `(after ${formatDuration((performance.now() - began) / 1000)})`)}`,
      ),
    );
    using model = loadModel(place('pretrain/model'));
    const trained = loadTokenizer(place('pretrain/model'), model.config);
    for (const [seed, prompt] of prompts.entries()) {
      await write(io.stdout, dim(io.stdout, prompt));
      for (const piece of generateText(model, trained, prompt, { maxTokens: 80, temperature: 0.8, topP: 0.95, seed }))
        await write(io.stdout, printable(io.stdout, piece));
      await write(io.stdout, '\n\n');
    }
    if (io.stdin.isTTY && io.stdout.isTTY) await chat(model, trained, { io });
    else await say(`Talk to it: npx tsumugi chat --model ${place('pretrain/model')}`);
    return 0;
  },
);

const heading = (io: Io, number: number, title: string) => `${dim(io.stderr, `${number}/4`)} ${title}`;

async function makeTokenizer(corpus: Corpus, folder: string, vocabSize: number, io: Io): Promise<void> {
  if (existsSync(join(folder, 'tokenizer.jsonl'))) {
    const found = openTokenizer(folder).tokenizer.vocabSize;
    if (found !== vocabSize)
      throw new ConfigError('other-tokenizer', `${folder} holds a tokenizer of ${found} pieces, not ${vocabSize}`, {
        remedy: 'Choose another --out, or leave --vocabulary-size as it was.',
      });
    await write(io.stderr, `  ${vocabSize} pieces, as trained before\n`);
    return;
  }
  const text = new TrainingText();
  for await (const document of corpus.documents()) text.add(document.text);
  using progress = new ProgressLine(io.stderr, 'tokenizer');
  const pieces = trainTokenizer(text, {
    vocabSize,
    onProgress: ({ fraction, note }) => progress.update(fraction, note),
  });
  progress[Symbol.dispose]();
  writeTokenizer(folder, pieces);
  await write(io.stderr, `  ${pieces.length} pieces\n`);
}

interface Bits {
  before: number;
  after: number;
}

/** Trains, or goes on with a run that was cut off. Undefined when the user stopped it. */
async function train(config: ReturnType<typeof pretrainConfig.parse>, io: Io): Promise<Bits | undefined> {
  const { interrupted, before, after } = await pretrain(config, { resume: true, stream: io.stderr });
  if (interrupted || !after) {
    await write(io.stderr, 'saved; the same command goes on from here\n');
    return undefined;
  }
  return { before: before.bitsPerCharacter, after: after.bitsPerCharacter };
}

/** Bits per character before and after, of a run that is complete. */
async function finishedRun(out: string): Promise<Bits | undefined> {
  if (!isTrained(out)) return undefined;
  const bits = readEvents(join(out, 'events.jsonl'))
    .filter((event) => event.type === 'evaluation')
    .map((event) => event.metrics['bitsPerCharacter'] ?? Number.NaN);
  return { before: bits[0]!, after: bits.at(-1)! };
}
