// The comparison by hand, and when the gate stays shut.
import { expect, it } from 'vitest';
import { tokenLogprobs } from '../../lm/index.ts';
import { TinyModel } from '../../lm/tiny-model.testing.ts';
import {
  compare,
  compareOnTexts,
  divergence,
  enginePredictor,
  gatePrompts,
  type Predictor,
  parityGate,
} from './index.ts';

const row = (...probabilities: number[]) => Float32Array.from(probabilities, Math.log);

it('measures the divergence in nats', () => {
  expect(divergence(row(0.5, 0.5), row(0.25, 0.75))).toBeCloseTo(0.5 * Math.log(2) + 0.5 * Math.log(2 / 3), 7);
  // Logits are known up to a constant.
  expect(divergence(Float32Array.of(5, 5), row(0.25, 0.75))).toBeCloseTo(0.1438410362, 7);
  expect(divergence(row(0.5, 0.5), row(0.5, 0.5))).toBe(0);
  expect(divergence(row(0.5, 0.5), Float32Array.of(Number.NaN, 0))).toBe(Number.POSITIVE_INFINITY);
});

const predictor = (rows: readonly Float32Array[], text: readonly number[]): Predictor => ({
  name: 'made up',
  nextLogits: async (ids) => ids.map((_, i) => rows[i % rows.length]!),
  greedy: async (prompts, maxTokens) => prompts.map(() => text.slice(0, maxTokens)),
});

it('takes means over positions, not over prompts', async () => {
  const source = predictor([row(0.5, 0.5), row(0.2, 0.8)], [1, 2]);
  const artefact = predictor([row(0.25, 0.75), row(0.2, 0.8)], [1, 2]);
  const prompts = [
    { text: 'a', ids: [1] },
    { text: 'b', ids: [1, 2, 3, 4] },
  ];
  const found = await compare(source, artefact, { prompts, decode: String, maxTokens: 8, ends: [] });
  const kl = divergence(row(0.5, 0.5), row(0.25, 0.75));
  expect(found.meanKl).toBeCloseTo((3 * kl) / 5, 10);
  expect(found.maxKl).toBeCloseTo(kl, 10);
  // Ties go to the first: 0 against 1 at three of five positions.
  expect(found).toMatchObject({ positions: 5, top1Agreement: 0.4, sameText: 2 });
  expect(found.prompts.map(({ agreeing, tokens }) => [agreeing, tokens])).toEqual([[0, 1], [2, 4]]); // biome-ignore format: pairs
});

it('stays shut above its limits, and cuts prompts to the context', async () => {
  using tiny = new TinyModel();
  const tokenizer = tiny.loadTokenizer();
  const [source, artefact] = [predictor([row(0.5, 0.5)], [60, 70]), predictor([row(0.25, 0.75)], [80])];
  const options = { tokenizer, ends: [], context: 40 };
  const open = await parityGate(source, artefact, { ...options, limits: { meanKl: 0.2 } });
  expect(open.prompts.map(({ tokens }) => tokens)).toEqual(gatePrompts.map(() => 24)); // 16 are for what follows
  expect(open.loadedBy).toBe('made up');
  const gate = (limits: { meanKl: number; maxKl?: number }) => parityGate(source, artefact, { ...options, limits });
  await expect(gate({ meanKl: 0.1 })).rejects.toMatchObject({
    code: 'parity-gate',
    message: expect.stringMatching(
      /loaded by made up, .* the mean divergence of the next token is 0.144 nats, and 0.1 is allowed. Worst/,
    ),
  });
  await expect(gate({ meanKl: 0.2, maxKl: 0.1 })).rejects.toThrow('the largest divergence');
  await expect(gate({ meanKl: 0.2 })).resolves.toMatchObject({ sameText: 0 });
});

it('compares on a text as its parts by themselves do', async () => {
  using one = new TinyModel(1);
  using two = new TinyModel(2);
  using source = one.load();
  using artefact = two.load();
  const tokenizer = one.loadTokenizer();
  const text = '吾輩は猫である。名前はまだない。山に川、海に月。犬が火を、鳥は水をにくむ。';
  const ids = tokenizer.encode(text, {
    addBos: true,
  });
  const pieces = [ids.slice(0, 35), ids.slice(35)];
  const characters = (some: readonly number[]) => [...tokenizer.decode(some)].length;
  const seen: number[] = [];
  const found = await compareOnTexts(source, artefact, pieces, characters, (done) => void seen.push(done));
  let [kl, agreeing, worst] = [0, 0, 0];
  for (const piece of pieces) {
    const [ps, qs] = await Promise.all([source, artefact].map((model) => enginePredictor(model, '').nextLogits(piece)));
    for (const [i, p] of ps!.entries()) {
      const each = divergence(p, qs![i]!);
      kl += each;
      worst = Math.max(worst, each);
      const likeliest = (row: Float32Array) => row.indexOf(Math.max(...row));
      if (likeliest(p) === likeliest(qs![i]!)) agreeing += 1;
    }
  }
  const [count, read] = [ids.length, [...text].length - 1]; // all but BOS, and the first of the second piece
  expect(found).toMatchObject({ positions: count, characters: read, top1Agreement: agreeing / count });
  expect(found.meanKl).toBeCloseTo(kl / count, 7);
  expect(found.maxKl).toBeCloseTo(worst, 6);
  for (const [model, bits] of [
    [source, found.bitsPerCharacter.source],
    [artefact, found.bitsPerCharacter.artefact],
  ] as const) {
    const nats = pieces.flatMap((piece) => [...tokenLogprobs(model, piece)]).reduce((a, b) => a - b, 0);
    expect(bits).toBeCloseTo(nats / Math.LN2 / read, 6);
  }
  expect(seen).toEqual([1, 2]);
});
