// Model folders whose matrices are kept in few bits: ours, those of others, and what vLLM's published loader makes of them.
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { moduleAt, namedBuffers, namedParameters } from '../nn/index.ts';
import {
  Artefact,
  fromFp8,
  type JsonObject,
  type LazyTensor,
  packAwq,
  packFp8,
  packGptq,
  type QuantizedCodes,
  writeSafetensors,
} from '../store/index.ts';
import { cat, liveHandles, Rng, rand, scope, type Tensor, tensor } from '../torch/index.ts';
import { loadModel, QuantizedLinear, requireDense, saveModel, tokenLogprobs } from './index.ts';
import { tinyModelOfFile } from './tiny-model.testing.ts';

const tiny = tinyModelOfFile();
const home = mkdtempSync(join(tmpdir(), 'tsumugi-quantized-'));
afterAll(() => rmSync(home, { recursive: true }));
const ids = [1, 300, 280, 290, 301, 302, 270, 275];
let made = 0;

/** What is written for the matrix [out, in] of a name, and the weight that it means. */
type Kept = { parts: Record<string, Tensor | LazyTensor>; means: Tensor };

/** A copy of the tiny model with matrices in another form; also the same model with the weights that these mean. */
function folders(
  quantization: JsonObject,
  keep: (name: string, weight: Tensor) => Kept | undefined,
): { quantized: string; dense: string } {
  const [quantized, dense] = [join(home, `q${made}`), join(home, `d${made++}`)];
  cpSync(tiny.folder, quantized, { recursive: true });
  cpSync(tiny.folder, dense, { recursive: true });
  scope(() => {
    using weights = new Artefact(tiny.folder).weights();
    const [few, full]: [[string, Tensor | LazyTensor][], [string, Tensor][]] = [[], []];
    for (const name of weights.names) {
      const weight = weights.tensor(name);
      // dt_proj of so small a model has fewer rows than a word has places.
      const isMatrix = name.endsWith('_proj.weight') && weight.size(0) % 8 === 0;
      const kept = isMatrix ? keep(name.slice(0, -'.weight'.length), weight) : undefined;
      if (!kept) few.push([name, weight]);
      for (const [part, each] of Object.entries(kept?.parts ?? {})) few.push([name.replace(/weight$/, part), each]);
      full.push([name, kept ? kept.means.contiguous() : weight]);
    }
    writeSafetensors(join(quantized, 'model.safetensors'), few);
    writeSafetensors(join(dense, 'model.safetensors'), full);
  });
  const file = join(quantized, 'config.json');
  writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), quantization_config: quantization }));
  return { quantized, dense };
}

/** Any codes: what matters is that they are read as what they are. */
function anyCodes(weight: Tensor, bits: 4 | 8, groupSize: number, seed: number): QuantizedCodes {
  const [out, inputs] = weight.shape as [number, number];
  const whole = (shape: number[], least: number) =>
    rand(shape, new Rng(seed))
      .mul(2 ** bits - least)
      .floor()
      .add(least)
      .to('int32');
  const groups = inputs / groupSize;
  return {
    codes: whole([inputs, out], 0),
    zeros: whole([groups, out], 1),
    scales: rand([groups, out], new Rng(seed + 1))
      .mul(0.2 / 2 ** bits)
      .to('float16'),
  };
}

/** By the formula, without the unpacking. */
function meaning({ codes, zeros, scales }: QuantizedCodes, groupOf: readonly number[]): Tensor {
  const index = tensor(groupOf, { dtype: 'int64' });
  return codes
    .float()
    .sub(zeros.float().indexSelect(0, index))
    .mul(scales.float().indexSelect(0, index))
    .transpose(0, 1);
}

const neighbours = (inputs: number, size: number) => Array.from({ length: inputs }, (_, i) => Math.floor(i / size));
const gptq = { quant_method: 'gptq', bits: 4, group_size: 16, desc_act: false, sym: false };

function expectSame({ quantized, dense }: { quantized: string; dense: string }): void {
  using few = loadModel(quantized);
  using full = loadModel(dense);
  expect(tokenLogprobs(few, ids)).toEqual(tokenLogprobs(full, ids));
  using plain = tiny.load();
  expect(tokenLogprobs(few, ids)).not.toEqual(tokenLogprobs(plain, ids));
}

const cases: [string, JsonObject, (name: string, weight: Tensor) => Kept | undefined][] = [
  [
    'GPTQ of 4 bits, but for one matrix',
    gptq,
    (name, weight) => {
      if (name.endsWith('out_proj')) return undefined;
      const codes = anyCodes(weight, 4, 16, 1);
      return { parts: { ...packGptq(codes, 4) }, means: meaning(codes, neighbours(weight.size(1), 16)) };
    },
  ],
  [
    'GPTQ of 8 bits without g_idx',
    { ...gptq, bits: 8 },
    (_, weight) => {
      const codes = anyCodes(weight, 8, 8, 2);
      const { g_idx: _left, ...parts } = packGptq(codes, 8);
      return { parts, means: meaning(codes, neighbours(weight.size(1), 8)) };
    },
  ],
  [
    'GPTQ of two widths, with groups in the order of activations, in version 2',
    { ...gptq, desc_act: true, sym: true, checkpoint_format: 'gptq_v2' },
    (name, weight) => {
      const bits = name.endsWith('down_proj') ? 8 : 4;
      const groupOf = neighbours(weight.size(1), 16).toReversed();
      const codes = { ...anyCodes(weight, bits, 16, 3), groupOf: tensor(groupOf, { dtype: 'int32' }) };
      const stored = { ...codes, zeros: codes.zeros.add(1) }; // what packing takes off
      return { parts: { ...packGptq(stored, bits) }, means: meaning(codes, groupOf) };
    },
  ],
  [
    'AWQ',
    { quant_method: 'awq', bits: 4, group_size: 16, zero_point: true, version: 'GEMM' },
    (_, weight) => {
      const codes = anyCodes(weight, 4, 16, 4);
      return { parts: { ...packAwq(codes) }, means: meaning(codes, neighbours(weight.size(1), 16)) };
    },
  ],
  [
    'FP8',
    { quant_method: 'fp8', activation_scheme: 'dynamic' },
    (_, weight) => {
      const packed = packFp8(weight);
      const { weight: codes, weight_scale } = packed;
      const stored: LazyTensor = { dtype: 'uint8', shape: codes.shape, stored: 'F8_E4M3', read: () => codes };
      const table = Array.from({ length: 256 }, (_, code) => {
        const magnitude = code & 120 ? 2 ** ((code & 127) >> 3) * (8 + (code & 7)) : 2 * (code & 7);
        return ((code & 128 ? -1 : 1) * magnitude) / 1024;
      });
      const means = codes.tolist() as number[][];
      const scale = weight_scale.item();
      return {
        parts: { weight: stored, weight_scale },
        means: tensor(means.map((row) => row.map((code) => Math.fround(table[code]!)))).mul(scale),
      };
    },
  ],
];

it.each(cases)('%s is read as the weights that it means', (_, quantization, keep) => {
  const both = folders(quantization, keep);
  expectSame(both);
  using model = loadModel(both.quantized, { dtype: 'float64' });
  expect(moduleAt(model, 'model.layers.layers.0.mixer.in_proj')).toBeInstanceOf(QuantizedLinear);
  expect(namedParameters(model).map(([, { dtype }]) => dtype)).not.toContain('float32');
});

it('is neither trained nor saved', () => {
  const { quantized } = folders(...(cases[0]!.slice(1) as [JsonObject, (name: string, weight: Tensor) => Kept]));
  expect(() => requireDense(quantized, 'trained')).toThrow(/is quantized \(gptq, 4 bits\), so it cannot be trained/);
  requireDense(tiny.folder, 'trained');
  using model = loadModel(quantized);
  expect(() => saveModel(join(home, 'again'), model)).toThrow(/is quantized, which is not written again/);
});

it.each([
  ['bitsandbytes', { quant_method: 'bitsandbytes' }, /weights quantized as "bitsandbytes" are not read/],
  ['no method', { bits: 4 }, /there is no quant_method/],
  ['3 bits', { ...gptq, bits: 3 }, /"bits" is 3|"bits": expected 4 or 8/],
  ['AWQ of 8 bits', { quant_method: 'awq', bits: 8, group_size: 128 }, /expected 4/],
  ['another version of AWQ', { quant_method: 'awq', bits: 4, group_size: 128, version: 'marlin' }, /expected "gemm"/],
] as const)('%s is refused', (_, quantization, message) => {
  const { quantized } = folders(quantization as JsonObject, () => undefined);
  expect(() => loadModel(quantized)).toThrow(message);
});

it('names a tensor that is missing, of a wrong shape, or points beyond the groups', () => {
  const broken = (change: (parts: Record<string, Tensor>) => void) =>
    folders(gptq, (_, weight) => {
      const codes = anyCodes(weight, 4, 16, 5);
      const parts = { ...packGptq(codes, 4) } as Record<string, Tensor>;
      change(parts);
      return { parts, means: weight };
    }).quantized;
  const path = /mixer\.in_proj/;
  const load = (folder: string) => () => loadModel(folder)[Symbol.dispose]();
  const missing = load(broken((parts) => delete parts['qzeros']));
  expect(missing).toThrow(path);
  expect(missing).toThrow(/the weights lack ".*\.qzeros"/);
  expect(load(broken((parts) => Object.assign(parts, { qzeros: parts['qzeros']!.narrow(1, 0, 1) })))).toThrow(
    /\.qzeros" has the shape/,
  );
  expect(load(broken((parts) => Object.assign(parts, { g_idx: parts['g_idx']!.add(1) })))).toThrow(
    /g_idx" names group 2 of 2/,
  );
  expect(load(broken((parts) => Object.assign(parts, { qweight: parts['qweight']!.float() })))).toThrow(
    /holds float32 values, expected integers/,
  );
});

it('says which group an input names that is not there, and how many groups do not divide its inputs', () => {
  const broken = (change: (parts: Record<string, Tensor>) => void) => () => {
    const { quantized } = folders(gptq, (_, weight) => {
      const parts = { ...packGptq(anyCodes(weight, 4, 16, 5), 4) } as Record<string, Tensor>;
      change(parts);
      return { parts, means: weight };
    });
    loadModel(quantized)[Symbol.dispose]();
  };
  const put = (part: string, tensor: (before: Tensor) => Tensor) =>
    broken((parts) => Object.assign(parts, { [part]: tensor(parts[part]!).contiguous() }));
  expect(put('g_idx', (index) => index.sub(1))).toThrow(
    expect.objectContaining({
      code: 'bad-groups',
      message: expect.stringMatching(/^"model\.layers\..*\.g_idx" names group -1 of 2\n.*Get the weights again/),
      fields: { path: expect.stringMatching(/^model\.layers\./) },
    }),
  );
  expect(put('g_idx', (index) => index.narrow(0, 0, 8))).toThrow(/g_idx" has the shape/);
  expect(put('g_idx', (index) => index.float())).toThrow(/g_idx" holds float32 values, expected integers/);
  const three = (parts: Record<string, Tensor>) => {
    for (const part of ['scales', 'qzeros']) parts[part] = cat([parts[part]!, parts[part]!.narrow(0, 0, 1)], 0);
  };
  expect(
    broken((parts) => {
      three(parts);
      delete parts['g_idx'];
    }),
  ).toThrow(
    expect.objectContaining({
      code: 'wrong-shape',
      message: expect.stringMatching(/\.scales" has 3 groups for 32 inputs\n.*Get the weights again/),
      fields: { path: expect.stringMatching(/^model\.layers\./) },
    }),
  );
  expect(broken(three)).not.toThrow(); // inputs that name their groups may have any number of them
  const lacks = (part: string) => broken((parts) => delete parts[part]);
  expect(lacks('scales')).toThrow(/the weights lack ".*\.scales"/);
  expect(put('scales', (scales) => scales.to('int32'))).toThrow(/scales" holds/);
});

/** FP8 with a scale of each shape; a matrix of the same file may be kept as it is. */
function fp8Of(scaleOf: (rows: number) => Tensor | undefined, kept = /nothing/) {
  return folders({ quant_method: 'fp8' }, (name, weight) => {
    if (kept.test(name)) return undefined;
    const { weight: codes } = packFp8(weight);
    const stored: LazyTensor = { dtype: 'uint8', shape: codes.shape, stored: 'F8_E4M3', read: () => codes };
    const scale = scaleOf(weight.size(0));
    const all = scale ?? tensor(1);
    const fits = all.numel() === 1 || all.numel() === weight.size(0);
    const means = fits ? fromFp8(codes).mul(all.ndim === 1 && all.numel() > 1 ? all.unsqueeze(1) : all) : weight;
    return { parts: { weight: stored, ...(scale && { weight_scale: scale }) }, means };
  });
}
const risingScales = (rows: number): Tensor => tensor(Array.from({ length: rows }, (_, i) => (1 + i / rows) / 4096));

it.each<[string, (rows: number) => Tensor]>([
  ['for the tensor', () => tensor(1 / 4096)],
  ['for the tensor, in a list', () => tensor([1 / 4096])],
  ['for each output', risingScales],
  ['for each output, as a column', (rows) => risingScales(rows).unsqueeze(1)],
])('FP8 is read with a scale %s', (_, scaleOf) => {
  expectSame(fp8Of(scaleOf));
});

it('FP8 is read beside matrices that are kept, and refused without a scale or with one of another shape', () => {
  const { quantized, dense } = fp8Of(risingScales, /in_proj|o_proj/);
  expectSame({ quantized, dense });
  using model = loadModel(quantized);
  const kindOf = (path: string) => moduleAt(model, `model.layers.layers.${path}`) instanceof QuantizedLinear;
  expect(['0.mixer.in_proj', '1.mixer.o_proj', '0.mixer.bcdt_proj', '1.mlp.down_proj'].map(kindOf)).toEqual([
    false,
    false,
    true,
    true,
  ]);
  const load = (folder: string) => () => loadModel(folder)[Symbol.dispose]();
  expect(load(fp8Of(() => undefined).quantized)).toThrow(/the weights lack ".*\.weight_scale"/);
  for (const wrong of [
    (rows: number) => risingScales(rows + 1),
    (rows: number) => risingScales(2 * rows).view(rows, 2),
  ])
    expect(load(fp8Of(wrong).quantized)).toThrow(/weight_scale" has the shape/);
});

it('is let go of whole, and loaded as it was saved by those who name it', () => {
  const { quantized } = fp8Of(risingScales);
  const before = liveHandles();
  const model = loadModel(quantized);
  const linear = moduleAt(model, 'model.layers.layers.1.mlp.down_proj') as QuantizedLinear;
  expect([...namedBuffers(linear)].map(([name]) => name)).toEqual(['weight', 'weight_scale']);
  expect(linear.stored).toEqual({
    ...{ layout: 'fp8', inFeatures: 48, outFeatures: 32, bits: 8, groups: 1, storedZero: 1 },
  });
  model[Symbol.dispose]();
  expect(liveHandles()).toBe(before);
});

it('says what a model is quantized to, where it has to be dense', () => {
  const { quantized } = fp8Of(risingScales);
  expect(() => requireDense(quantized, 'pruned')).toThrow(
    expect.objectContaining({
      code: 'quantized-model',
      message: expect.stringMatching(/ is quantized \(fp8, 8 bits\), so it cannot be pruned\n.*Take the model/),
      fields: { folder: quantized },
    }),
  );
});

// What vLLM's plamo2.py does with what it loads (spec/plamo2.md 5.1): in_proj's weight, qweight, scales and qzeros are taken apart by
// heads (z and x of a head follow each other in the file; all z, then all x are wanted), fused names stay, offsets go into norms.
function asLoaderTakesApart(stored: Tensor, heads: number): Tensor {
  const rows = stored.size(0);
  const [z, x] = stored.reshape([rows, heads, -1]).chunk(2, -1) as [Tensor, Tensor];
  return cat([z.reshape([rows, -1]), x.reshape([rows, -1])], 1);
}

it.each([
  ['GPTQ', 4],
  ['GPTQ', 8],
  ['AWQ', 4],
] as const)("%s of %s bits is the same weight after vLLM's loader has taken in_proj apart", (layout, bits) => {
  scope(() => {
    const [heads, headDim, inputs] = [3, 16, 32];
    const codes = anyCodes(rand([heads * 2 * headDim, inputs], new Rng(0)), bits, 16, 6);
    const parts = layout === 'GPTQ' ? packGptq(codes, bits) : packAwq(codes);
    const taken = Object.fromEntries(
      (['qweight', 'scales', 'qzeros'] as const).map((part) => [part, asLoaderTakesApart(parts[part], heads)]),
    );
    const stored = {
      layout: layout.toLowerCase() as 'gptq' | 'awq',
      inFeatures: inputs,
      outFeatures: heads * 2 * headDim,
    };
    const linear = new QuantizedLinear({ ...stored, bits, groups: 2, storedZero: 1 }, taken);
    const weight = meaning(codes, neighbours(inputs, 16)); // [out, in]
    const expected = asLoaderTakesApart(weight.transpose(0, 1), heads).transpose(0, 1);
    expect(linear.dequantized().tolist()).toEqual(expected.tolist());
    // The first rows are the z of the first head, then those of the second: rows 32 … of the file.
    expect(expected.select(0, headDim).tolist()).toEqual(weight.select(0, 2 * headDim).tolist());
    linear.dispose();
  });
});
