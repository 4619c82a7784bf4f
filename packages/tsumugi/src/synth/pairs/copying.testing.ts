// A model that half knows how to copy a digit: it was taught with wrong answers among the right ones, so that its own answers differ, and
// there is something to prefer. Small enough for tests.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RandomStream } from '../../base/index.ts';
import { initialWeights, Plamo2, preset, saveModel } from '../../lm/index.ts';
import { embeddedText, trainTokenizer, writeTokenizer } from '../../text/index.ts';
import { sft, sftConfig } from '../../train/index.ts';
import { silent, tinyModel } from '../../train/train.testing.ts';

/** Share of the right answers in what the model was taught. */
const RIGHT = 0.4;

const digits = [...'0123456789'];
/** All there are: which of two digits comes last? */
export const copyingPrompts = digits.flatMap((a) => digits.map((b) => ({ prompt: `末の字${a}${b}`, answer: b })));

export interface CopyingSetup extends Disposable {
  at(...names: string[]): string;
}

/** Writes `base`, the model, and `prompts.jsonl`. */
export async function copyingSetup(seed = 0, steps = 120): Promise<CopyingSetup> {
  const folder = mkdtempSync(join(tmpdir(), 'tsumugi-copying-'));
  const at = (...names: string[]) => join(folder, ...names);
  const novel = readFileSync(embeddedText()[1]!, 'utf8').slice(0, 10_000);
  writeTokenizer(at('tokenizer'), trainTokenizer([novel], { vocabSize: 420 }));
  using model = new Plamo2(preset('mini', { ...tinyModel, vocab_size: 420 }), initialWeights(seed));
  saveModel(at('nothing'), model, { tokenizerFolder: at('tokenizer') });
  const random = new RandomStream(seed);
  const rows = Array.from({ length: 6 }, () => copyingPrompts)
    .flat()
    .map(({ prompt, answer }) => ({ prompt, completion: random.next() < RIGHT ? answer : digits[random.below(10)]! }));
  const lines = (all: readonly object[]) => all.map((row) => `${JSON.stringify(row)}\n`).join('');
  writeFileSync(at('rows.jsonl'), lines(rows));
  writeFileSync(at('prompts.jsonl'), lines(copyingPrompts));
  const settings = { steps, batchSize: 32, sequenceLength: 64, learningRate: 1e-2, seed };
  await sft(
    sftConfig.parse({
      ...settings,
      model: at('nothing'),
      data: [at('rows.jsonl')],
      out: at('sft'),
      evaluateEvery: 0,
      checkpointEvery: 0,
    }),
    { stream: silent },
  );
  return {
    at: (name, ...rest) => (name === 'base' ? at('sft', 'model', ...rest) : at(name!, ...rest)),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}
