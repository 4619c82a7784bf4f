// Bits chosen by what matrices cost: the measurement, what is kept of it, the choice, and the target as the files tell it.
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { inTime } from '../../base/thorough.testing.ts';
import { loadModel, type Plamo2, saveModel } from '../../lm/index.ts';
import { tinyModelOfFile } from '../../lm/tiny-model.testing.ts';
import { type Linear, moduleAt } from '../../nn/index.ts';
import { Artefact } from '../../store/index.ts';
import { noGrad, scope, type Tensor, tensor } from '../../torch/index.ts';
import {
  chooseBits,
  type MatrixCosts,
  planQuantizeModel,
  type QuantizeConfigInput,
  quantizationSensitivity,
  quantizeModel,
} from './index.ts';
import { rounded } from './round.ts';

const tiny = tinyModelOfFile();
const home = mkdtempSync(join(tmpdir(), 'tsumugi-sensitivity-'));
const at = (...names: string[]) => join(home, ...names);
const text = [at('文.txt')];
const sentence = '吾輩は猫である。名前はまだない。山に川、海に月。犬が火を、鳥は水をにくむ。\n';
const small = { groupSize: 16, sequenceLength: 40, sensitivityTokens: 70 } as const;
beforeAll(() => {
  cpSync(tiny.folder, at('model'), { recursive: true });
  writeFileSync(text[0]!, sentence.repeat(12));
});
afterAll(() => rmSync(home, { recursive: true }));
beforeEach(() => vi.stubEnv('XDG_CACHE_HOME', at('cache')));

/** Mean KL of the next token between two models, from their own logits. */
function divergence(source: Plamo2, changed: Plamo2): number {
  const ids = tiny.loadTokenizer().encode(sentence.repeat(12), { addBos: true, safe: true }).slice(0, 40);
  return noGrad(() =>
    scope(() => {
      const x = tensor(BigInt64Array.from(ids, BigInt), { shape: [1, ids.length] });
      const [p, q] = [source, changed].map((each) => each.logits(each.forward(x)).double().logSoftmax(-1)) as [
        Tensor,
        Tensor,
      ];
      return p.exp().mul(p.sub(q)).sum([-1]).mean().item();
    }),
  );
}

const inProj = 'model.layers.layers.0.mixer.in_proj';
const qkvProj = 'model.layers.layers.1.mixer.qkv_proj';
const oProj = 'model.layers.layers.1.mixer.o_proj';
const rounding = (bits: 4 | 8) => ({ bits, symmetric: true, groupSize: 16, leastZero: 1 });

describe('the table', () => {
  it('is the divergence of the model with that one matrix rounded', async () => {
    const { matrices, tokens, kept } = await quantizationSensitivity(
      at('model'),
      { ...small, sensitivityTokens: 40 },
      { text },
    );
    expect([tokens, kept]).toEqual([40, false]);
    for (const [path, bits] of [
      [inProj, 4],
      [oProj, 4],
      [oProj, 8],
    ] as const) {
      // biome-ignore format: table
      using source = tiny.load();
      using changed = tiny.load();
      scope(() => {
        const { weight } = moduleAt(changed, path) as Linear;
        noGrad(() => weight.detach().copy_(rounded(weight.detach(), rounding(bits))));
      });
      const expected = divergence(source, changed);
      const found = matrices.find((each) => each.path === path)!.kl[bits]!;
      expect(expected).toBeGreaterThan(0);
      expect(Math.abs(found - expected), `${path} ${bits}`).toBeLessThan(1e-6 * expected + 1e-12);
    }
  });

  it('says 0 for a matrix that rounding does not change', async () => {
    using model = tiny.load();
    scope(() => {
      const { weight } = moduleAt(model, oProj) as Linear;
      noGrad(() => weight.detach().zero_());
    });
    saveModel(at('zero'), model, { tokenizerFolder: tiny.folder });
    const { matrices } = await quantizationSensitivity(at('zero'), small, { text });
    const zero = matrices.filter(({ kl }) => kl[4] === 0);
    expect(zero.map(({ path, kl }) => [path, kl])).toEqual([
      [qkvProj, { 4: 0, 8: 0 }], // reaches the rest through o_proj alone
      [oProj, { 4: 0, 8: 0 }],
    ]);
  });

  it('is measured once for weights, text and rounding, and goes on after the layers that were done', async () => {
    vi.stubEnv('XDG_CACHE_HOME', at('cache-2'));
    const cut = new Error('cut off');
    const seen: number[] = [];
    const measure = (input: QuantizeConfigInput = {}, stopAt = 3, model = at('model')) =>
      quantizationSensitivity(
        model,
        { ...small, ...input },
        {
          text,
          onShare: (share, layer) => {
            if (layer === stopAt) throw cut;
            seen.push(share);
          },
        },
      );
    await expect(measure({}, 1)).rejects.toBe(cut);
    const begun = seen.length;
    const whole = await measure();
    // 3 + 2 + 1 passes; the cut run had done the three of layer 0, and layers 1 and 2 were left.
    expect([begun, seen.length - begun, seen.at(-1)]).toEqual([3, 3, 1]);
    expect(whole.kept).toBe(false);
    const again = await measure({ targetBits: 9, tensorBits: { out_proj: 16 }, method: 'gptq' });
    expect(again).toEqual({ ...whole, kept: true });
    expect(seen).toHaveLength(6);
    for (const other of [{ groupSize: 8 }, { zeroPoint: true }, { sensitivityTokens: 20 }])
      expect((await measure(other)).kept, JSON.stringify(other)).toBe(false);
    expect((await measure({}, 3, at('zero'))).kept).toBe(false);
    // A damaged file is as none.
    for (const name of readdirSync(at('cache-2', 'tsumugi', 'sensitivity')))
      writeFileSync(at('cache-2', 'tsumugi', 'sensitivity', name), '{');
    expect(await measure()).toEqual(whole);
  });
});

describe('the choice', () => {
  // Divergence for each byte: a 4→8 0.02, 4→16 0.0133; b 4→8 0.05, 8→16 0.0025; c 4→16 0.03 (8 bits help little).
  const three: MatrixCosts[] = [
    { path: 'a', costs: [{ bits: 4, bytes: 10, kl: 0.4 }, { bits: 8, bytes: 20, kl: 0.2 }, { bits: 16, bytes: 40, kl: 0 }] },
    { path: 'b', costs: [{ bits: 4, bytes: 10, kl: 0.55 }, { bits: 8, bytes: 20, kl: 0.05 }, { bits: 16, bytes: 40, kl: 0 }] },
    { path: 'c', costs: [{ bits: 4, bytes: 10, kl: 0.9 }, { bits: 8, bytes: 20, kl: 0.89 }, { bits: 16, bytes: 40, kl: 0 }] },
  ]; // biome-ignore format: table
  it.each([
    [30, [4, 4, 4]],
    [39, [4, 4, 4]],
    [40, [4, 8, 4]],
    [59, [8, 8, 4]],
    [69, [8, 8, 8]],
    [70, [4, 8, 16]],
    [80, [8, 8, 16]],
    [99, [8, 8, 16]],
    [100, [16, 8, 16]],
    [120, [16, 16, 16]],
    [29, [4, 4, 4]],
  ])('by hand: %d bytes', (budget, bits) => {
    expect(chooseBits(three, budget).map((cost) => cost.bits)).toEqual(bits);
  });
});

/** The fewest nats that any choice within the budget has. */
function bruteForce(matrices: readonly MatrixCosts[], budget: number): number {
  const [first, ...rest] = matrices;
  if (!first) return budget < 0 ? Number.POSITIVE_INFINITY : 0;
  return Math.min(...first.costs.map(({ bytes, kl }) => kl + bruteForce(rest, budget - bytes)));
}

it('the greedy choice is as good as any, up to the one step that did not fit', async () => {
  const { matrices } = await quantizationSensitivity(at('model'), small, { text });
  // 8 matrices, 6561 choices.
  const free: MatrixCosts[] = matrices.slice(0, 8).map(({ path, parameters, kl }) => ({
    path,
    costs: ([4, 8, 16] as const)
      .filter((bits) => bits === 16 || kl[bits] !== undefined)
      .map((bits) => ({ bits, bytes: (parameters * bits) / 8, kl: bits === 16 ? 0 : kl[bits]! })),
  }));
  const bytesAt = (place: number) => free.reduce((sum, { costs }) => sum + (costs.at(place) ?? costs[0]!).bytes, 0);
  const [least, most] = [bytesAt(0), bytesAt(-1)];
  const klOf = (chosen: readonly { kl: number }[]) => chosen.reduce((sum, { kl }) => sum + kl, 0);
  const all = klOf(chooseBits(free, least));
  let equal = 0;
  const budgets = Array.from({ length: 20 }, (_, i) => least + ((most - least) * i) / 19);
  for (const budget of budgets) {
    const chosen = chooseBits(free, budget);
    expect(chosen.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(budget);
    const [greedy, best] = [klOf(chosen), bruteForce(free, budget)];
    expect(greedy).toBeGreaterThanOrEqual(best - 1e-15);
    const largestStep = Math.max(...free.map(({ costs }, i) => chosen[i]!.kl - Math.min(...costs.map(({ kl }) => kl))));
    expect(greedy - best, `${budget}`).toBeLessThanOrEqual(largestStep + 1e-15);
    expect(greedy - best, `${budget}`).toBeLessThan(0.1 * all);
    if (greedy - best < 1e-12) equal += 1;
  }
  expect(equal).toBeGreaterThanOrEqual(10);
});

describe('a target', () => {
  const make = (name: string, targetBits: number, input: QuantizeConfigInput = {}, model = at('model')) => {
    const phases: string[] = [];
    const onProgress = ({ phase }: { phase: string }) => phases.push(phase);
    const made = quantizeModel(model, at(name), { ...small, targetBits, ...input }, { text, onProgress });
    return made.then((result) => ({ result, phases }));
  };
  const bytesOnDisk = (folder: string) => {
    using weights = new Artefact(folder).weights();
    return weights.names.reduce((sum, name) => sum + weights.info(name).bytes, 0);
  };

  /** What the choice says is what the files are, and what config.json says. */
  function requireWritten(folder: string, matrices: readonly { path: string; bits: number }[]): void {
    expect(new Set(matrices.map(({ bits }) => bits)).size).toBeGreaterThan(1);
    using weights = new Artefact(folder).weights();
    const { dynamic } = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')).quantization_config;
    for (const { path, bits } of matrices) {
      expect(weights.has(`${path}.weight`), path).toBe(bits === 16);
      if (bits !== 16)
        expect(weights.info(`${path}.qweight`).shape[0], path).toBe(
          (weights.info(`${path}.g_idx`).shape[0]! * bits) / 32,
        );
      const named = Object.entries(dynamic).filter(([each]) => new RegExp(`^${each.slice(2)}`).test(path));
      const expected = { 4: [], 8: [['+', { bits: 8 }]], 16: [['-', {}]] }[bits];
      expect(
        named.map(([pattern, value]) => [pattern[0], value]),
        path,
      ).toEqual(expected);
    }
  }

  it('is met, as counted from the files; another is not measured again', async () => {
    vi.stubEnv('XDG_CACHE_HOME', at('cache-3'));
    const { result, phases } = await make('ten', 10.5);
    const { chosen, bytes, parameters, bitsPerWeight } = result;
    expect(bytes).toBe(bytesOnDisk(at('ten')));
    expect(bitsPerWeight).toBe((8 * bytes) / parameters);
    expect(bitsPerWeight).toBeLessThanOrEqual(10.5);
    expect(bitsPerWeight).toBeGreaterThan(10.2); // the smallest matrices have 0.1 bits per weight
    expect([chosen!.kept, ...new Set(phases)]).toEqual([false, 'measuring', 'quantizing', 'comparing']);
    loadModel(at('ten')).dispose();
    const { kept: _, ...table } = chosen!;
    expect(JSON.parse(readFileSync(at('ten', 'bits.json'), 'utf8'))).toEqual(table);

    const second = await make('twelve', 12);
    for (const [name, { matrices }] of [
      ['ten', chosen!],
      ['twelve', second.result.chosen!],
    ] as const)
      requireWritten(at(name), matrices);
    expect([second.result.chosen!.kept, ...new Set(second.phases)]).toEqual([true, 'quantizing', 'comparing']);
    expect(second.result.bytes).toBe(bytesOnDisk(at('twelve')));
    expect(second.result.chosen!.expectedKl).toBeLessThan(chosen!.expectedKl);
    expect(second.result.bitsPerWeight).toBeGreaterThan(11.7);
  });

  it.each(inTime(['awq'] as const, ['gptq', 'awq'] as const))('is met by %s, and by FP8', async (method) => {
    for (const input of [{ method }, { bits: 8, format: 'fp8' }] as const) {
      const { result } = await make(`of-${method}`, 12, { ...input, keptType: 'bfloat16' });
      expect(result.bytes).toBe(bytesOnDisk(at(`of-${method}`)));
      expect(result.bitsPerWeight).toBeLessThanOrEqual(12);
      loadModel(at(`of-${method}`)).dispose();
    }
  });

  it('keeps what was made sensitive', async () => {
    // Inputs 0 and 16 of o_proj, one of each group, are always 0: their weights change nothing, but are so large that the others are
    // rounded to 0.
    using model = tiny.load();
    scope(() =>
      noGrad(() => {
        const [qkv, o] = [qkvProj, oProj].map((path) => (moduleAt(model, path) as Linear).weight.detach());
        qkv!.select(0, 48).zero_(); // 32 queries, 16 keys, then values
        for (const input of [0, 16]) o!.select(1, input).fill_(5);
      }),
    );
    saveModel(at('sensitive'), model, { tokenizerFolder: tiny.folder });
    const { result } = await make('kept', 10, { gate: false }, at('sensitive'));
    const { matrices } = result.chosen!;
    expect(matrices.toSorted((a, b) => b.kl[4]! - a.kl[4]!)[0]!.path).toBe(oProj);
    expect(matrices.find(({ path }) => path === oProj)!.bits).toBe(16);
    const others = (await make('not-kept', 10, { gate: false })).result.chosen!.matrices;
    expect(others.find(({ path }) => path === oProj)!.bits).not.toBe(16);
  });

  it('leaves alone what tensorBits says', async () => {
    const { result } = await make('pinned', 11, { tensorBits: { out_proj: 16, down_proj: 4 } });
    expect(result.kinds).toMatchObject({ out_proj: 16, down_proj: 4 });
    // A kind below all others is measured as well.
    const { result: below } = await make('below', 14, { bits: 8, tensorBits: { down_proj: 4 } });
    const { matrices, expectedKl } = below.chosen!;
    expect(below.kinds.down_proj).toBe(4);
    expect(expectedKl).toBeGreaterThan(matrices.find(({ kind }) => kind === 'down_proj')!.kl[4]!);
  });

  it('is refused where it cannot be met, with the smallest that can', async () => {
    const refused = async (targetBits: number, message: RegExp, input: QuantizeConfigInput = {}) => {
      await expect(make('refused', targetBits, input)).rejects.toThrow(message);
      expect(readdirSync(home).filter((name) => name.startsWith('refused'))).toEqual([]);
    };
    await refused(
      2,
      /targetBits=2 is below what this model can have with 4 bits of a weight: the smallest is \d+\.\d\d bits/,
    );
    await refused(20, /targetBits=20 leaves nothing to do/);
    await expect(quantizeModel(at('model'), at('refused'), { ...small, targetBits: 8 })).rejects.toThrow(
      /targetBits needs a text to measure/,
    );
    const smallest = await make('refused', 2).then(
      () => 0,
      ({ fields }) => (8 * fields.least) / fields.parameters,
    );
    const least = Math.ceil(100 * smallest) / 100;
    await refused(least - 0.01, /the smallest is/);
    const { result } = await make('least', least);
    expect(result.bitsPerWeight).toBeCloseTo(smallest, 9);
    expect(new Set(result.chosen!.matrices.map(({ bits }) => bits))).toEqual(new Set([4]));
  });

  it('is forecast without being measured', () => {
    const forecast = planQuantizeModel(at('model'), { ...small, targetBits: 10.5 }, { text });
    expect(forecast).toMatchObject({ bitsPerWeight: 10.5, kinds: { in_proj: 'mixed' } });
    expect(forecast.bytes).toBe(Math.floor((10.5 * forecast.parameters) / 8));
    const without = planQuantizeModel(at('model'), small);
    expect(forecast.seconds).toBeGreaterThan(without.seconds);
    expect(() => planQuantizeModel(at('model'), { ...small, targetBits: 2 }, { text })).toThrow(/the smallest is/);
  });
});
