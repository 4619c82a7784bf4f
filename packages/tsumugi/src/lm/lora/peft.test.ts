// Adapters that PEFT wrote (tests/golden/peft): read, they give what PEFT's own layers give; written, they are PEFT's files again.
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { golden } from '../../../../../tests/files.ts';
import { replaceParameter } from '../../nn/index.ts';
import { openSafetensors, writeSafetensors } from '../../store/index.ts';
import { linspace, noGrad, scope, type Tensor, zeros } from '../../torch/index.ts';
import { addLora, initialWeights, loadAdapter, loraLayers, mergeLora, Plamo2, preset, saveAdapter } from '../index.ts';

const config = preset('mini', {
  hidden_size: 8,
  intermediate_size: 12,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  hidden_size_per_head: 4,
  mamba_num_heads: 2,
  mamba_d_state: 4,
  vocab_size: 32,
});
function base(): Plamo2 {
  const model = new Plamo2(config, initialWeights(0));
  using weights = openSafetensors(golden('peft/base.safetensors'));
  for (const name of weights.names)
    replaceParameter(
      model,
      name,
      scope(() => weights.tensor(name).clone()),
    );
  return model;
}
type Outputs = Record<string, Record<string, { y: number[]; merged: number[] }>>;
const outputs = JSON.parse(readFileSync(golden('peft/outputs.json'), 'utf8')) as Outputs;
const kinds = ['lora', 'rslora', 'dora'];

let home: string;
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'tsumugi-peft-'));
});
afterAll(() => rmSync(home, { recursive: true }));
const at = (name: string) => join(home, name);

describe.each(kinds)('PEFT’s %s', (kind) => {
  it('computes what PEFT’s layers compute, and merges to what they merge to', () => {
    using model = base();
    const layers = loadAdapter(model, golden(`peft/${kind}`));
    model.eval();
    expect([...layers.keys()].sort()).toEqual(Object.keys(outputs[kind]!).sort());
    for (const [path, layer] of layers) {
      const { y, merged } = outputs[kind]![path]!;
      scope(() => {
        const columns = layer.lora_A.weight.size(1);
        const x = linspace(-1, 1, 3 * columns).reshape([1, 3, columns]);
        const found = noGrad(() => layer.forward(x).flatten().tolist()) as number[];
        for (const [i, value] of y.entries()) expect(found[i], path).toBeCloseTo(value, 4);
        const row = layer.mergedWeight().select(0, 0).tolist() as number[];
        for (const [i, value] of merged.entries()) expect(row[i], path).toBeCloseTo(value, 5);
      });
    }
  });

  it('is written again as it was', () => {
    using model = base();
    loadAdapter(model, golden(`peft/${kind}`));
    saveAdapter(at(kind), model, { base: 'the-base', lineage: { stage: 'test' } });
    using theirs = openSafetensors(join(golden(`peft/${kind}`), 'adapter_model.safetensors'));
    using ours = openSafetensors(join(at(kind), 'adapter_model.safetensors'));
    expect([...ours.names].sort()).toEqual([...theirs.names].sort());
    scope(() => {
      for (const name of ours.names) expect(ours.tensor(name).eq(theirs.tensor(name)).all().item(), name).toBe(1);
    });
    const [was, is] = [golden(`peft/${kind}`), at(kind)].map((folder) =>
      JSON.parse(readFileSync(join(folder, 'adapter_config.json'), 'utf8')),
    );
    for (const key of ['peft_type', 'r', 'lora_alpha', 'lora_dropout', 'use_rslora', 'use_dora', 'bias'])
      if (kind !== 'lora') expect(is[key], key).toEqual(was[key]);
    expect(is.base_model_name_or_path).toBe('the-base');
    using again = base();
    const found = loadAdapter(again, at(kind));
    for (const [path, layer] of loraLayers(model)) expect(found.get(path)!.shape, path).toEqual(layer.shape);
  });
});

describe('a file that others made', () => {
  /** PEFT's folder with a change, read. */
  function reading(
    change: (config: Record<string, unknown>, tensors: Record<string, Tensor>) => void,
    kind = 'rslora',
  ) {
    const folder = at('changed');
    rmSync(folder, { recursive: true, force: true });
    cpSync(golden(`peft/${kind}`), folder, { recursive: true });
    const config = JSON.parse(readFileSync(join(folder, 'adapter_config.json'), 'utf8')) as Record<string, unknown>;
    scope(() => {
      using weights = openSafetensors(golden(`peft/${kind}/adapter_model.safetensors`));
      const tensors = Object.fromEntries(weights.names.map((name) => [name, weights.tensor(name)]));
      change(config, tensors);
      rmSync(join(folder, 'adapter_model.safetensors'));
      writeSafetensors(join(folder, 'adapter_model.safetensors'), tensors);
    });
    writeFileSync(join(folder, 'adapter_config.json'), JSON.stringify(config));
    using model = base();
    loadAdapter(model, folder);
  }
  const set = <T>(target: Record<string, T>, key: string, value: T): void => {
    target[key] = value;
  };
  const first = 'base_model.model.model.layers.layers.0.mixer.in_proj';

  it.each<[string, Parameters<typeof reading>[0], RegExp, string?]>([
    ['bias', (config) => set(config, 'bias', 'lora_only'), /bias is "lora_only"/],
    ['modules_to_save', (config) => set(config, 'modules_to_save', ['lm_head']), /modules_to_save has lm_head/],
    ['another kind', (config) => set(config, 'peft_type', 'IA3'), /peft_type is "IA3"/],
    ['PiSSA', (config) => set(config, 'init_lora_weights', 'pissa_niter_4'), /pissa_niter_4.*changes the base/],
    ['an unknown key', (config) => set(config, 'use_qalora', true), /"use_qalora": true is not known/],
    ['fan_in_fan_out', (config) => set(config, 'fan_in_fan_out', true), /"fan_in_fan_out": true/],
    ['no rank', (config) => void delete config['r'], /"r"|r:/],
    [
      'another rank',
      (config) => set(config, 'r', 3),
      /_proj\.lora_A\.weight" has the shape \[4, 8\].*rank 3.*\[3, 8\]/,
    ],
    [
      'half an adapter',
      (_, tensors) => void delete tensors[`${first}.lora_B.weight`],
      /there is no ".*in_proj\.lora_B\.weight"/,
    ],
    [
      'a foreign tensor',
      (_, tensors) => set(tensors, 'base_model.model.lm_head.lora_embedding_A', zeros([2, 2])),
      /lora_embedding_A" is no part/,
    ],
    [
      'another model',
      (config, tensors) => {
        tensors['base_model.model.model.layers.layers.7.mlp.up_proj.lora_A.weight'] = zeros([4, 8]);
        config['base_model_name_or_path'] = 'llama';
      },
      /up_proj\.lora_A\.weight" is for a linear map that this model does not have.*made for llama/s,
    ],
    [
      'a pattern of layers that is none',
      (config) => set(config, 'target_modules', '(?P<x>.*in_proj'),
      /target_modules has "\(\?P<x>\.\*in_proj", which is not read as a regular expression/,
    ],
    [
      'a pattern of ranks that is none',
      (config) => set(config, 'rank_pattern', { '*proj': 8 }),
      /rank_pattern has "\*proj", which is not read as a regular expression: .*Nothing to repeat/,
    ],
    [
      'a pattern of α that is none',
      (config) => set(config, 'alpha_pattern', { '[': 8 }),
      /alpha_pattern has "\[", which is no/,
    ],
    ['no target', (config) => set(config, 'target_modules', ['o_proj']), /not among the target_modules/],
    [
      'a magnitude too many',
      (_, tensors) => set(tensors, `${first}.lora_magnitude_vector`, zeros([16])),
      /use_dora is not set/,
    ],
    [
      'a magnitude too few',
      (_, tensors) => void delete tensors['base_model.model.model.layers.layers.0.mixer.dt_proj.lora_magnitude_vector'],
      /there is no ".*dt_proj\.lora_magnitude_vector"/,
      'dora',
    ],
  ])('is refused by name: %s', (_, change, message, kind) => {
    expect(() => reading(change, kind)).toThrow(message);
  });

  it.each(['.*_proj', '(?P<place>.*)\\.\\w+', 'model\\.layers\\.layers\\.(?P<i>\\d)(?:(?P=i)|.)+'])(
    'is read with its layers named as Python writes it: %s',
    (targets) => {
      expect(() => reading((config) => set(config, 'target_modules', targets))).not.toThrow();
    },
  );

  it('says what is no adapter', () => {
    using model = base();
    expect(() => loadAdapter(model, at('nowhere'))).toThrow(/does not exist/);
    expect(() => loadAdapter(model, home)).toThrow(/no folder with an adapter_config\.json/);
    cpSync(golden('peft/lora/adapter_config.json'), at('old/adapter_config.json'));
    writeFileSync(at('old/adapter_model.bin'), '');
    expect(() => loadAdapter(model, at('old'))).toThrow(
      /old has an adapter_model\.bin, a pickle, in the place of adapter_model\.safetensors\n.*save_pretrained/,
    );
    loadAdapter(model, golden('peft/lora'));
    expect(() => loadAdapter(model, golden('peft/lora'))).toThrow(/has adapters already/);
    expect(() => addLora(model, { rank: 2 })).toThrow(/has adapters already/);
    mergeLora(model);
    expect(loraLayers(model).size).toBe(0);
  });
});
