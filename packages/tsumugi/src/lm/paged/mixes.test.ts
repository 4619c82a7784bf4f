// What a text comes to does not depend on what is beside it: hundreds of passes in random mixes of texts that branch, take several ids at a
// time, drop some, and end, against each text alone in a pool of its own. Bit by bit.
import { describe, expect, it } from 'vitest';
import { RandomStream } from '../../base/index.ts';
import { inTime } from '../../base/thorough.testing.ts';
import { liveHandles, Rng } from '../../torch/index.ts';
import type { Plamo2 } from '../index.ts';
import { CachePool } from './cache-pool.ts';
import { decodeRows, readPiece } from './decode-rows.ts';
import { adapt, bitsOf, pagedModel, quantize, runStep, type Step } from './paged.testing.ts';
import type { PagedSequence } from './paged-sequence.ts';

/** A stretch of a text; others go on from its end. */
interface Stretch {
  steps: Step[];
  /** For each step, the logits as bits. */
  expected: string[][];
  branches: Stretch[];
}

const someIds = (random: RandomStream, count: number) => Array.from({ length: count }, () => random.below(300));

function draw(random: RandomStream, depth: number): Stretch {
  const steps: Step[] = [];
  if (depth === 0 || random.below(3) === 0) steps.push({ piece: someIds(random, 1 + random.below(24)) });
  const count = 1 + random.below(8);
  for (let i = 0; i < count; i++) {
    const ids = someIds(random, random.below(3) === 0 ? 2 + random.below(3) : 1);
    steps.push({ ids, keep: 1 + random.below(ids.length) });
  }
  const branches = depth < 2 ? Array.from({ length: random.below(4) }, () => draw(random, depth + 1)) : [];
  return { steps, expected: [], branches };
}

/** Fills in what each stretch comes to, every text from its beginning in a pool of its own. */
function readAlone(model: Plamo2, stretch: Stretch, before: readonly Step[]): void {
  using pool = new CachePool(model, { bytes: 1 << 22, pageTokens: 4 });
  using sequence = pool.begin();
  for (const step of before) runStep(model, sequence, step);
  stretch.expected = stretch.steps.map((step) => runStep(model, sequence, step));
  for (const branch of stretch.branches) readAlone(model, branch, [...before, ...stretch.steps]);
}

interface Running {
  sequence: PagedSequence;
  stretch: Stretch;
  next: number;
}

/** Runs all texts in random mixes. Returns how many passes had how many rows. */
function mix(model: Plamo2, roots: readonly Stretch[], random: RandomStream): { passes: number; largest: number } {
  using pool = new CachePool(model, { bytes: 1 << 24, pageTokens: 4 });
  const waiting = [...roots];
  const running: Running[] = [];
  const count = { passes: 0, largest: 0 };
  const end = (text: Running) => {
    running.splice(running.indexOf(text), 1);
    for (const stretch of text.stretch.branches) running.push({ sequence: text.sequence.fork(), stretch, next: 0 });
    text.sequence[Symbol.dispose]();
  };
  while (waiting.length + running.length > 0) {
    if (waiting.length > 0 && random.below(2) === 0)
      running.push({ sequence: pool.begin(), stretch: waiting.pop()!, next: 0 });
    const some = random.shuffle(running.filter(() => random.below(4) > 0)).slice(0, 1 + random.below(16));
    const rows: (Running & { ids: number[]; keep: number })[] = [];
    for (const text of some) {
      const step = text.stretch.steps[text.next]!;
      if ('piece' in step) {
        expect([bitsOf(readPiece(model, step.piece, text.sequence))]).toEqual(text.stretch.expected[text.next]);
        text.next++;
      } else rows.push({ ...text, ...step });
    }
    const logits = decodeRows(model, rows);
    for (const [i, { sequence, stretch, next, keep }] of rows.entries()) {
      expect(logits[i]!.map(bitsOf), `pass ${count.passes}, row ${i} of ${rows.length}`).toEqual(
        stretch.expected[next],
      );
      if (random.below(2) === 0 || keep < logits[i]!.length) sequence.keep(keep);
      running.find((text) => text.sequence === sequence)!.next++;
    }
    count.passes += Number(rows.length > 0);
    count.largest = Math.max(count.largest, logits.flat().length);
    for (const text of [...running]) if (text.next === text.stretch.steps.length) end(text);
  }
  expect(pool.used).toBe(0);
  return count;
}

const fullAttention = { full_attention_idx: [3], qk_norm: false };
const kinds: [string, number, () => Plamo2][] = [
  ['windows and Mamba', 120, () => pagedModel()],
  ['a full-attention layer, no QK-norm', 60, () => pagedModel(fullAttention)],
  ['attention only, heads of odd sizes', 40, () => pagedModel({ mamba_enabled: false, hidden_size_per_head: 10 })],
  [
    'adapters on a quantized map',
    40,
    () => {
      const model = pagedModel(fullAttention);
      quantize(model, 'model.layers.layers.1.mlp.down_proj', [64, 96], new Rng(5));
      adapt(model, new Rng(6), 'lora');
      return model;
    },
  ],
  [
    'DoRA',
    20,
    () => {
      const model = pagedModel();
      adapt(model, new Rng(7), 'dora');
      return model;
    },
  ],
  ['float64', 30, () => pagedModel(fullAttention, 'float64')],
];

describe('texts in a pool, alone and in any mix', () => {
  it.each(kinds)('%s: the same bits', (_name, passes, make) => {
    const random = new RandomStream(4);
    const before = liveHandles();
    {
      using model = make();
      const done = { passes: 0, largest: 0 };
      while (done.passes < inTime(passes / 4, passes)) {
        const roots = Array.from({ length: 5 }, () => draw(random, 0));
        for (const root of roots) readAlone(model, root, []);
        const { passes, largest } = mix(model, roots, random);
        done.passes += passes;
        done.largest = Math.max(done.largest, largest);
      }
      expect(done.largest).toBeGreaterThan(8);
    }
    expect(liveHandles()).toBe(before);
  });
});
