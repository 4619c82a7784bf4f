// Whole folders: every method, what stays, what is refused, runs that were cut off.
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inTime } from '../../base/thorough.testing.ts';
import { loadModel, normOffset, type QuantizedLinear, saveModel } from '../../lm/index.ts';
import { tinyModelOfFile } from '../../lm/tiny-model.testing.ts';
import { moduleAt } from '../../nn/index.ts';
import { Artefact } from '../../store/index.ts';
import { noGrad, scope, type Tensor, tensor } from '../../torch/index.ts';
import { planQuantizeModel, type QuantizeConfigInput, type QuantizeOptions, quantizeModel } from './index.ts';
import { rounded } from './round.ts';

const tiny = tinyModelOfFile();
const home = mkdtempSync(join(tmpdir(), 'tsumugi-quantize-'));
afterAll(() => rmSync(home, { recursive: true }));
const at = (...names: string[]) => join(home, ...names);
const text = at('文.txt');
beforeAll(() =>
  writeFileSync(text, '吾輩は猫である。名前はまだない。山に川、海に月。犬が火を、鳥は水をにくむ。\n'.repeat(12)),
);

const sentence = '吾輩は猫である。名前はまだない。山に川、海に月。犬が火を、鳥は水をにくむ。\n';
/** Mean divergence of the next token from the source's, in nats, on the text that the methods see. */
function divergence(folder: string): number {
  using source = tiny.load();
  using model = loadModel(folder);
  const ids = tiny.loadTokenizer().encode(sentence.repeat(3), { addBos: true });
  return noGrad(() =>
    scope(() => {
      const x = tensor(BigInt64Array.from(ids, BigInt), { shape: [1, ids.length] });
      const [p, q] = [source, model].map((each) => each.logits(each.forward(x)).logSoftmax(-1)) as [Tensor, Tensor];
      return p.exp().mul(p.sub(q)).sum([-1]).mean().item();
    }),
  );
}
const small = { groupSize: 16, tokens: 400, sequenceLength: 64 };
const make = (name: string, config: QuantizeConfigInput, options: QuantizeOptions = {}) =>
  quantizeModel(tiny.folder, at(name), { ...small, ...config }, options);
const weightsOf = (name: string) => readFileSync(at(name, 'model.safetensors'));
const inProj = 'model.layers.layers.0.mixer.in_proj';

describe('rtn', () => {
  it('keeps what is sensitive, rounds the rest, and is read by its name', async () => {
    const seen = { measuring: [] as number[], quantizing: [] as number[], comparing: [] as number[] };
    const result = await make(
      'rtn',
      { bits: 4 },
      { onProgress: ({ phase, done, total }) => seen[phase].push(done / total) },
    );
    expect(result).toMatchObject({ method: 'rtn', layout: 'gptq', bits: 4, resumedLayers: 0 });
    expect([seen.measuring.length, seen.quantizing.length, seen.quantizing.at(-1)]).toEqual([0, 10, 1]);
    expect(seen.comparing.at(-1)).toBe(1);
    const config = JSON.parse(readFileSync(at('rtn', 'config.json'), 'utf8'));
    expect(config.quantization_config).toEqual({
      ...{ quant_method: 'gptq', bits: 4, group_size: 16, desc_act: false, sym: true, lm_head: false },
      checkpoint_format: 'gptq',
      dynamic: Object.fromEntries(['bcdt_proj', 'dt_proj', 'out_proj'].map((kind) => [`-:.*\\.${kind}$`, {}])),
    });
    const types = scope(() => {
      using weights = new Artefact(at('rtn')).weights();
      using source = new Artefact(tiny.folder).weights();
      const expected = rounded(source.tensor(`${inProj}.weight`), { bits: 4, symmetric: true, groupSize: 16 });
      using model = loadModel(at('rtn'));
      const linear = moduleAt(model, inProj) as QuantizedLinear;
      expect(linear.dequantized().tolist()).toEqual(expected.tolist());
      expect(weights.tensor('model.norm.weight').tolist()).toEqual(source.tensor('model.norm.weight').tolist());
      return Object.fromEntries(weights.names.map((name) => [name, weights.info(name).dtype]));
    });
    expect(types).toMatchObject({
      [`${inProj}.qweight`]: 'int32',
      [`${inProj}.g_idx`]: 'int32',
      [`${inProj}.scales`]: 'float16',
      'model.embed_tokens.weight': 'float16',
      'model.layers.layers.0.mixer.out_proj.weight': 'float16',
      'model.layers.layers.0.mixer.conv1d.weight': 'float32',
      'model.layers.layers.1.mixer.q_weight': 'float32',
      'model.layers.layers.1.post_mlp_norm.weight': 'float32',
    });
    expect(divergence(at('rtn'))).toBeGreaterThan(0);
    expect(divergence(at('rtn'))).toBeLessThan(0.002);
    const { size } = { size: weightsOf('rtn').length };
    expect(Math.abs(size - result.bytes)).toBeLessThan(20_000); // the header
    expect(result.bitsPerWeight).toBeCloseTo((8 * result.bytes) / result.parameters, 9);
    const { lineage } = result;
    expect(lineage.parents[0]!.sha256).toBe(await new Artefact(tiny.folder).hash());
    expect([lineage.stage, lineage.config['bits'], readdirSync(home).includes('rtn.quantizing')]).toEqual(['quantize', 4, false]); // biome-ignore format: one list
  });

  it('is nearer with 8 bits, with kept matrices, with zeros of their own; FP8 is between', async () => {
    const settings: [string, QuantizeConfigInput][] = [
      ['four', { bits: 4 }],
      ['eight', { bits: 8 }],
      ['kept', { bits: 4, tensorBits: { gate_up_proj: 16, down_proj: 8 } }],
      ['fp8', { bits: 8, format: 'fp8' }],
    ];
    const found = new Map<string, number>();
    for (const [name, config] of settings) {
      await make(name, config);
      found.set(name, divergence(at(name)));
    }
    expect(found.get('eight')!).toBeLessThan(0.05 * found.get('four')!);
    expect(found.get('kept')!).toBeLessThan(found.get('four')!);
    expect(found.get('fp8')!).toBeLessThan(0.5 * found.get('four')!);
    using weights = new Artefact(at('fp8')).weights();
    expect(weights.info(`${inProj}.weight`)).toMatchObject({ dtype: 'uint8', stored: 'F8_E4M3' });
    using mixed = new Artefact(at('kept')).weights();
    const down = 'model.layers.layers.1.mlp.down_proj.qweight';
    expect(mixed.info(down).shape).toEqual([48 / 4, 32]);
    expect(JSON.parse(readFileSync(at('kept', 'config.json'), 'utf8')).quantization_config.dynamic).toMatchObject({
      '-:.*\\.gate_up_proj$': {},
      '+:.*\\.down_proj$': { bits: 8 },
    });
    await make('zeros', { bits: 4, zeroPoint: true });
    expect(weightsOf('zeros').equals(weightsOf('four'))).toBe(false);
  });
});

describe.each(inTime(['gptq'] as const, ['gptq', 'awq'] as const))('%s', (method) => {
  const make4 = (name: string, config: QuantizeConfigInput = {}) => make(name, { method, ...config }, { text: [text] });

  it('is read, is its layout, and gives the same bytes again', async () => {
    const result = await make4(`${method}-1`);
    expect(result.layout).toBe(method);
    // AWQ's groups have zeros of their own, so it is compared with rounding that has them as well.
    await make(`${method}-rtn`, { zeroPoint: method === 'awq' });
    const ours = divergence(at(`${method}-1`));
    expect(ours).toBeGreaterThan(0);
    expect(ours).toBeLessThan((method === 'gptq' ? 0.6 : 0.85) * divergence(at(`${method}-rtn`)));
    await make4(`${method}-2`);
    expect(weightsOf(`${method}-1`).equals(weightsOf(`${method}-2`))).toBe(true);
    expect(result.lineage.data.map(({ name }) => name)).toEqual(['文.txt']);
  });

  it('of 8 bits is in the layout of GPTQ', async () => {
    const { layout } = await make4(`${method}-8`, { bits: 8 });
    expect(layout).toBe('gptq');
    expect(divergence(at(`${method}-8`))).toBeLessThan(2e-5);
  });

  it('goes on after the layers that were done', async () => {
    const out = at(`${method}-cut`);
    const cut = new Error('cut off');
    const onProgress = ({ layer }: { layer: number }) => {
      if (layer === 2) throw cut;
    };
    await expect(quantizeModel(tiny.folder, out, { ...small, method }, { text: [text], onProgress })).rejects.toBe(cut);
    expect([existsSync(out), readdirSync(`${out}.quantizing`).length]).toEqual([false, 3]);
    const result = await quantizeModel(tiny.folder, out, { ...small, method }, { text: [text] });
    expect(result.resumedLayers).toBe(2);
    expect(weightsOf(`${method}-cut`).equals(weightsOf(`${method}-1`))).toBe(true);
    expect(existsSync(`${out}.quantizing`)).toBe(false);
    // Other settings begin anew.
    await expect(quantizeModel(tiny.folder, out, { ...small, method }, { text: [text], onProgress })).rejects.toBe(cut);
    expect(
      (await quantizeModel(tiny.folder, out, { ...small, groupSize: 8, method }, { text: [text] })).resumedLayers,
    ).toBe(0);
  });
});

it('gptq with the order of activations has inputs of every group, and is read', async () => {
  await make('act-order', { method: 'gptq', actOrder: true }, { text: [text] });
  using weights = new Artefact(at('act-order')).weights();
  const index = scope(() => weights.tensor(`${inProj}.g_idx`).tolist()) as number[];
  expect(index).not.toEqual(index.toSorted((a, b) => a - b));
  expect(divergence(at('act-order'))).toBeLessThan(0.6 * divergence(at('rtn')));
  await make('damped', { method: 'gptq', damping: 0.5 }, { text: [text] });
  expect(weightsOf('damped').equals(weightsOf('gptq-1'))).toBe(false);
});

it('awq folds its scales into norms and up, so that without rounding nothing would change', async () => {
  await make('awq-folded', { method: 'awq' }, { text: [text] });
  scope(() => {
    using source = new Artefact(tiny.folder).weights();
    using weights = new Artefact(at('awq-folded')).weights();
    using model = loadModel(at('awq-folded'));
    const layer = 'model.layers.layers.1.';
    const both = (name: string): [Tensor, Tensor] => [source.tensor(layer + name), weights.tensor(layer + name)];
    const few = (name: string) => (moduleAt(model, layer + name) as QuantizedLinear).dequantized();
    for (const [norm, matrix] of [
      ['pre_mixer_norm', 'mixer.qkv_proj'],
      ['pre_mlp_norm', 'mlp.gate_up_proj'],
    ] as const) {
      // biome-ignore format: pairs
      const [before, after] = both(`${norm}.weight`);
      const scale = before.add(normOffset.pre).div(after.add(normOffset.pre));
      expect(scale.sub(1).abs().max().item()).toBeGreaterThan(0.01);
      const gate = few(matrix).div(scale);
      const original = source.tensor(`${layer + matrix}.weight`);
      // Rows of up are scaled down, too: the gate's rows and those of q, k, v come back.
      const rows = matrix === 'mlp.gate_up_proj' ? 48 : original.size(0);
      const off = gate
        .narrow(0, 0, rows)
        .sub(original.narrow(0, 0, rows))
        .abs()
        .mean()
        .item();
      expect(off).toBeLessThan(0.2 * original.abs().mean().item());
      if (matrix !== 'mlp.gate_up_proj') continue;
      const product = (up: Tensor, down: Tensor) => down.matmul(up); // up → down without the gate
      const [was, is] = [
        product(original.narrow(0, 48, 48), source.tensor(`${layer}mlp.down_proj.weight`)),
        product(gate.narrow(0, 48, 48), few('mlp.down_proj')),
      ];
      expect(is.sub(was).abs().mean().item()).toBeLessThan(0.3 * was.abs().mean().item());
    }
  });
});

it('is refused where it cannot be', async () => {
  const refused = async (config: QuantizeConfigInput, message: RegExp, options: QuantizeOptions = {}) => {
    await expect(quantizeModel(tiny.folder, at('refused'), { ...small, ...config }, options)).rejects.toThrow(message);
    expect(readdirSync(home).filter((name) => name.startsWith('refused'))).toEqual([]);
  };
  await refused(
    { groupSize: 128 },
    /in_proj" has 32 inputs, which are no whole number of groups of 128\n.*tensorBits.in_proj=16/,
  );
  await refused({ method: 'gptq' }, /gptq needs a text/);
  await refused({ method: 'awq' }, /there is no file or folder .*nowhere.txt/, { text: [at('nowhere.txt')] });
  await refused({ format: 'fp8' }, /FP8 weights are rounded, and have 8 bits/);
  await refused({ actOrder: true }, /rtn has no order of inputs/);
  await refused({ damping: 0.5 }, /rtn has no Hessian that damping could be added to/);
  await refused({ bits: 3 as 4 }, /"bits": expected 4 or 8/);
  await refused({ tensorBits: { dt_proj: 4 } }, /dt_proj" has .*\n/);
  await expect(quantizeModel(tiny.folder, tiny.folder, small)).rejects.toThrow(/is a model that is read/);
  await expect(quantizeModel(at('rtn'), at('refused'), small)).rejects.toThrow(
    /is quantized \(gptq, 4 bits\), so it cannot be quantized again/,
  );
  cpSync(tiny.folder, at('heads'), { recursive: true });
  const config = JSON.parse(readFileSync(at('heads', 'config.json'), 'utf8'));
  const heads = {
    ...config,
    hidden_size_per_head: 4,
    mamba_num_heads: 8,
    num_attention_heads: 8,
    num_key_value_heads: 4,
  };
  writeFileSync(at('heads', 'config.json'), JSON.stringify(heads));
  expect(() => planQuantizeModel(at('heads'), small)).toThrow(/heads of 4 outputs, and words of 8 would lie across/);
});

it('is compared with its source as it will be loaded, and refused when it is too far', async () => {
  const { gate } = await make('gated', { bits: 8 });
  expect(gate).toMatchObject({ limits: { meanKl: 0.05 }, loadedBy: 'tsumugi', sameText: expect.any(Number) });
  expect(gate!.meanKl).toBeGreaterThan(0);
  expect(gate!.meanKl).toBeLessThan(1e-3);
  expect(gate!.bitsPerCharacter.quantized).toBeCloseTo(gate!.bitsPerCharacter.source, 2);
  expect(gate!.bitsPerCharacter.quantized).not.toBe(gate!.bitsPerCharacter.source);
  expect((await make('not-gated', { gate: false })).gate).toBeUndefined();
  expect(gate!.text).toBeUndefined();
  const { gate: withText } = await make('on-text', { bits: 8, reportTokens: 100 }, { text: [text] });
  expect(weightsOf('on-text').equals(weightsOf('gated'))).toBe(true);
  const { positions, characters, meanKl, top1Agreement, bitsPerCharacter } = withText!.text!;
  expect([positions, characters]).toEqual([100, expect.any(Number)]);
  expect(meanKl).toBeGreaterThan(0);
  expect(meanKl).toBeLessThan(1e-3);
  expect(top1Agreement).toBeGreaterThan(0.9);
  expect(bitsPerCharacter.artefact).toBeCloseTo(bitsPerCharacter.source, 2);
  // A model that is very sure of everything is sure of other things after 4 bits.
  const folder = at('sure');
  using model = tiny.load();
  scope(() => model.model.norm.weight.detach().add_(200));
  saveModel(folder, model, { tokenizerFolder: tiny.folder });
  const refused = quantizeModel(folder, at('refused'), small);
  await expect(refused).rejects.toThrow(
    /does not go on as its source does.* nats, and 0.5 is allowed\. Worst .*source/s,
  );
  expect(existsSync(at('refused'))).toBe(false);
  const { gate: none, resumedLayers } = await quantizeModel(folder, at('refused'), { ...small, gate: false });
  expect([none, resumedLayers]).toEqual([undefined, 3]);
});

it('says before the work that something else is in its place', async () => {
  cpSync(text, at('taken', 'mine.txt'), { recursive: true });
  await expect(make('taken', {})).rejects.toThrow(/holds something else/);
  expect(existsSync(at('taken.quantizing'))).toBe(false);
});

it('is forecast without being done', () => {
  const forecast = planQuantizeModel(tiny.folder, { ...small, method: 'gptq' }, { text: [text] });
  expect(forecast).toMatchObject({ method: 'gptq', layout: 'gptq', kinds: { out_proj: 16, in_proj: 4 } });
  expect(forecast.diskBytes).toBe(2 * forecast.bytes);
  expect(forecast.seconds).toBeGreaterThan(0);
});

describe('what a stranger brings', () => {
  const patched = (name: string, value: number) => {
    cpSync(tiny.folder, at(name), { recursive: true });
    const path = at(name, 'model.safetensors');
    const bytes = readFileSync(path);
    const header = 8 + Number(bytes.readBigUInt64LE());
    const entries = JSON.parse(bytes.subarray(8, header).toString());
    bytes.writeFloatLE(value, header + entries[`${inProj}.weight`].data_offsets[0] + 8);
    writeFileSync(path, bytes);
    return at(name);
  };

  it.each<[QuantizeConfigInput]>([[{}], [{ bits: 8, format: 'fp8' }], [{ method: 'gptq' }], [{ method: 'awq' }]])(
    'names the weight that is no number: %j',
    async (config) => {
      const options = config.method === undefined ? {} : { text: [text] };
      for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
        const made = quantizeModel(patched('broken', value), at('x'), { ...small, ...config, gate: false }, options);
        const place = config.method === 'awq' ? 'layer 0' : `"${inProj}.weight"`;
        await expect(made).rejects.toMatchObject({ code: 'not-finite', fields: { place } });
      }
      expect(existsSync(at('x'))).toBe(false);
    },
  );

  it('keeps the name that the hub has for a model, and says one type in config.json', async () => {
    const commit = 'c'.repeat(40);
    const hub = at('hub', 'models--pfnet--plamo-x', 'snapshots', commit);
    cpSync(tiny.folder, hub, { recursive: true });
    const json = JSON.parse(readFileSync(join(hub, 'config.json'), 'utf8'));
    writeFileSync(join(hub, 'config.json'), JSON.stringify({ ...json, dtype: 'float32' }));
    const { lineage } = await quantizeModel(hub, at('of-hub'), { ...small, gate: false });
    expect(lineage.parents.map(({ name }) => name)).toEqual([`pfnet/plamo-x@${commit}`]);
    const { dtype, torch_dtype } = JSON.parse(readFileSync(at('of-hub', 'config.json'), 'utf8'));
    expect([dtype, torch_dtype]).toEqual(['float16', 'float16']);
  });

  it('does not write over its source through a link', async () => {
    cpSync(tiny.folder, at('source'), { recursive: true });
    symlinkSync(at('source'), at('link'));
    for (const [model, out] of [['source', 'link'], ['link', 'source']] as const)
      await expect(quantizeModel(at(model), at(out), small)).rejects.toMatchObject({ code: 'into-source' }); // biome-ignore format: a table
  });
});
