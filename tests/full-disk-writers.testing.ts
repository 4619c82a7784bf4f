// For the test of full disks: writes with everything that writes, in a process whose files may not grow beyond a limit, and
// says on standard output, in JSON, how each of them ended. Run as `node full-disk-writers.testing.ts FOLDER`.
import { mkdirSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { UserError, writeFileAtomic } from '../packages/tsumugi/src/base/index.ts';
import { AnswerCache } from '../packages/tsumugi/src/eval/answer-cache.ts';
import { EventLog } from '../packages/tsumugi/src/run/index.ts';
import { saveCheckpoint, writeArtefact, writeSafetensors } from '../packages/tsumugi/src/store/index.ts';
import { toyCorpus, toyEncoder } from '../packages/tsumugi/src/text/fixtures/toy.testing.ts';
import { prepare, writeTokenizer } from '../packages/tsumugi/src/text/index.ts';
import { byteText, type Piece, SPECIAL_NAMES } from '../packages/tsumugi/src/text/tokenizer/index.ts';
import { full, scope } from '../packages/tsumugi/src/torch/index.ts';

const at = (...names: string[]) => join(process.argv[2]!, ...names);
const weights = (size: number) => [['w', scope(() => full([size], 1).keep())]] as const;
const [SMALL, LARGE] = [100, 1_000_000];

const pieces: Piece[] = [
  ...Object.values(SPECIAL_NAMES).map((text, i): Piece => ({ text, score: 0, type: i === 0 ? 'UNKNOWN' : 'CONTROL' })),
  ...Array.from({ length: 256 }, (_, byte): Piece => ({ text: byteText(byte), score: 0, type: 'BYTE' })),
  ...Array.from({ length: 20_000 }, (_, i): Piece => ({ text: `piece ${i}`, score: -1, type: 'NORMAL' })),
];

const forecast = 'x'.repeat(1000);
const writers: Readonly<Record<string, () => unknown>> = {
  'events.jsonl': () => {
    using log = new EventLog(at('events.jsonl'));
    for (let step = 1; ; step++) log.write({ type: 'sample', step, prompt: String(step), text: forecast });
  },
  answers: () => {
    using cache = new AnswerCache(at('answers'), { kind: 'engine', fingerprint: 'a' });
    for (let i = 0; ; i++) cache.put(String(i), { text: forecast } as never);
  },
  'checkpoints/step-000000002': () => {
    saveCheckpoint(at('checkpoints'), 1, { tensors: { model: weights(SMALL) }, state: {} });
    saveCheckpoint(at('checkpoints'), 2, { tensors: { model: weights(LARGE) }, state: {} });
  },
  model: () => {
    writeArtefact(at('model'), { config: { size: SMALL }, tensors: weights(SMALL), lineage: { stage: 'test' } });
    writeArtefact(at('model'), { config: { size: LARGE }, tensors: weights(LARGE), lineage: { stage: 'test' } });
  },
  'a.safetensors': () => {
    writeSafetensors(at('a.safetensors'), weights(SMALL));
    writeSafetensors(at('a.safetensors'), weights(LARGE));
  },
  data: () => {
    const texts = Array.from({ length: 400 }, (_, i) => `${i}${forecast}`);
    return prepare(toyCorpus(texts), at('data'), { encoder: toyEncoder, tokenizerHash: 'a'.repeat(64), seed: 0 });
  },
  'tokenizer/tokenizer.jsonl': () => {
    mkdirSync(at('tokenizer'));
    writeFileSync(at('tokenizer', 'tokenizer.jsonl'), 'as before');
    writeTokenizer(at('tokenizer'), pieces);
  },
  'report.html': () => {
    writeFileAtomic(at('report.html'), 'as before');
    writeFileAtomic(at('report.html'), 'x'.repeat(2 ** 20));
  },
};

const outcomes: Record<string, string> = {};
for (const [place, write] of Object.entries(writers)) {
  try {
    await write();
    outcomes[place] = 'written';
  } catch (error) {
    outcomes[place] = error instanceof UserError ? error.message : `a bug: ${error}`;
  }
}
writeSync(1, JSON.stringify(outcomes));
