// The published shapes, and config files that cannot be right.
import { describe, expect, it } from 'vitest';
import { ConfigError } from '../base/index.ts';
import { thrown } from '../base/thrown.testing.ts';
import { generationEnds } from './config.ts';
import {
  generationConfigOf,
  isMamba,
  parameterTable,
  parseConfig,
  preset,
  presetNames,
  publishedConfig,
  ropeBaseOf,
  tensorShapes,
  windowOf,
} from './index.ts';

function count(name: string): { tensors: number; parameters: number } {
  const shapes = [...tensorShapes(preset(name)).values()];
  return {
    tensors: shapes.length,
    parameters: shapes.reduce((sum, shape) => sum + shape.reduce((product, size) => product * size, 1), 0),
  };
}

describe('shapes', () => {
  it('counts the published 1B: 218 tensors, 1,291,441,920 parameters', () => {
    expect(count('1b')).toEqual({ tensors: 218, parameters: 1_291_441_920 });
  });

  it('counts the 8B: 434 tensors, 9,118,372,864 parameters when tied', () => {
    expect(count('8b')).toEqual({ tensors: 434, parameters: 9_118_372_864 });
  });

  it('counts the 2.1-2B: 2,658,878,464 parameters with its own head', () => {
    expect(count('2.1-2b').parameters).toBe(2_658_878_464);
  });

  it('counts the benchmark model: 18.3 M', () => {
    expect(count('bench').parameters / 1e6).toBeCloseTo(18.3, 1);
  });

  it('sums the table of kinds to the total', () => {
    const total = parameterTable(preset('1b')).reduce((sum, row) => sum + row.parameters, 0);
    expect(total).toBe(1_291_441_920);
  });

  it('counts each kind of layer: one of each, by hand', () => {
    // D 8, I 3, head width 4; H = K = 1; m 2, N 5, R 64, convolution 4, V 20 (its head 32 rows).
    const config = parseConfig({
      hidden_size: 8,
      intermediate_size: 3,
      num_hidden_layers: 4,
      num_attention_heads: 1,
      num_key_value_heads: 1,
      hidden_size_per_head: 4,
      mamba_num_heads: 2,
      mamba_d_state: 5,
      full_attention_idx: [3],
      vocab_size: 20,
      tie_word_embeddings: false,
    });
    const mamba = 16 * 8 + 8 * 4 + (10 + 64) * 8 + 2 * 64 + 3 * 2 + 64 + 2 * 5 + 8 * 8;
    const attention = 12 * 8 + 2 * 4 + 8 * 4;
    expect(parameterTable(config)).toEqual([
      { kind: 'embedding', tensors: 1, parameters: 20 * 8, frozen: 0 },
      { kind: 'norms', tensors: 4 * 4 + 1, parameters: 17 * 8, frozen: 0 },
      { kind: 'Mamba mixers', tensors: 2 * 11, parameters: 2 * mamba, frozen: 0 },
      { kind: 'MLPs', tensors: 4 * 2, parameters: 4 * (6 * 8 + 8 * 3), frozen: 0 },
      { kind: 'attention (window)', tensors: 4, parameters: attention, frozen: 0 },
      { kind: 'attention (full)', tensors: 4, parameters: attention, frozen: 0 },
      { kind: 'head', tensors: 1, parameters: 32 * 8, frozen: 0 },
    ]);
  });

  it('has no norms of queries and keys where the config says so', () => {
    const names = (qk_norm: boolean) => [...tensorShapes(preset('dense', { qk_norm })).keys()];
    expect(names(true).length - names(false).length).toBe(2 * 4);
    expect(names(false).some((name) => /[qk]_weight/.test(name))).toBe(false);
  });

  it('alternates Mamba and attention, and ends on attention', () => {
    const kinds = (changes: object) => {
      const config = parseConfig(changes);
      return Array.from({ length: config.num_hidden_layers }, (_, i) => (isMamba(config, i) ? 'M' : 'A')).join('');
    };
    expect(kinds({ num_hidden_layers: 4 })).toBe('MAMA');
    expect(kinds({ num_hidden_layers: 8, mamba_step: 4 })).toBe('MMAMMMAM');
    expect(kinds({ num_hidden_layers: 2, mamba_step: 4 })).toBe('MA');
    expect(kinds({ num_hidden_layers: 3, mamba_enabled: false })).toBe('AAA');
  });
});

describe('config.json', () => {
  it('fills in the published defaults', () => {
    expect(parseConfig({ model_type: 'plamo2', full_attention_idx: null })).toEqual({
      hidden_size: 4096,
      intermediate_size: 13312,
      num_hidden_layers: 32,
      num_attention_heads: 32,
      num_key_value_heads: 4,
      hidden_size_per_head: 128,
      mamba_enabled: true,
      mamba_num_heads: 64,
      mamba_d_state: 64,
      mamba_d_conv: 4,
      mamba_step: 2,
      mamba_chunk_size: 256,
      attention_window_size: 2048,
      full_attention_idx: [],
      rope_theta: 1e6,
      rope_local_theta: 1e4,
      rms_norm_eps: 1e-6,
      vocab_size: 32000,
      tie_word_embeddings: true,
      max_position_embeddings: 10 * 1024 * 1024,
      bos_token_id: 1,
      eos_token_id: 2,
      pad_token_id: null,
      qk_norm: true,
    });
    expect(parseConfig({ model_type: 'plamo' })).toEqual(parseConfig({}));
  });

  it('writes what other tools look for, and another architecture where they would norm what is not normed', () => {
    expect(publishedConfig(preset('mini', { attention_window_size: 64 }))).toMatchObject({
      architectures: ['Plamo2ForCausalLM'],
      model_type: 'plamo2',
      tokenizer_class: 'Plamo2Tokenizer',
      torch_dtype: 'float32',
      use_cache: true,
      sliding_window: 64,
    });
    expect(publishedConfig(preset('mini'))).not.toHaveProperty('qk_norm');
    expect(publishedConfig(preset('mini', { qk_norm: false }))).toMatchObject({
      architectures: ['Plamo2WithoutQkNormForCausalLM'],
      qk_norm: false,
    });
  });

  it('writes the ids that begin and end texts, those that there are', () => {
    const ids = { bos_token_id: 3, eos_token_id: [4, 5], pad_token_id: 0 };
    expect(generationConfigOf(parseConfig(ids))).toEqual(ids);
    expect(generationConfigOf(parseConfig({ bos_token_id: null, eos_token_id: null }))).toEqual({});
  });

  it('takes the ids that end texts from generation_config.json', () => {
    expect(generationEnds(undefined, 'g.json')).toEqual([]);
    expect(generationEnds({ eos_token_id: null, temperature: 1 }, 'g.json')).toEqual([]);
    expect(generationEnds({ eos_token_id: 7 }, 'g.json')).toEqual([7]);
    expect(generationEnds({ eos_token_id: [7, 8] }, 'g.json')).toEqual([7, 8]);
    const refusal = (eos_token_id: unknown) => () => generationEnds({ eos_token_id }, 'g.json');
    expect(refusal(-1)).toThrow(/^g\.json: "eos_token_id" is -1, expected a number of at least 0/);
    expect(refusal([3, -1])).toThrow(/^g\.json: "eos_token_id.1" is -1, expected a number of at least 0/);
    for (const wrong of ['x', 1.5])
      expect(refusal(wrong)).toThrow(/^g\.json: "eos_token_id": expected a token id, a list of them, or null/);
  });

  it('gives window and RoPE base by the kind of attention', () => {
    const config = parseConfig({ num_hidden_layers: 4, full_attention_idx: [3], attention_window_size: 7 });
    expect([windowOf(config, 1), windowOf(config, 3)]).toEqual([7, null]);
    expect([ropeBaseOf(config, 1), ropeBaseOf(config, 3)]).toEqual([1e4, 1e6]);
  });

  it('allows the smallest and largest of what is allowed', () => {
    const smallest = {
      hidden_size: 1,
      num_attention_heads: 1,
      num_key_value_heads: 1,
      mamba_d_conv: 2,
      bos_token_id: 0,
      eos_token_id: [0],
      pad_token_id: 0,
    };
    expect(parseConfig(smallest)).toMatchObject(smallest);
    expect(parseConfig({ mamba_enabled: false, mamba_step: 1 }).mamba_step).toBe(1);
    expect(parseConfig({ num_hidden_layers: 10_000 }).num_hidden_layers).toBe(10_000);
    expect(parseConfig({ vocab_size: 2 ** 31 - 1 }).vocab_size).toBe(2 ** 31 - 1);
  });

  it('says what to do about a wrong value: a file can be had again, a setting cannot', () => {
    const remedy = (where?: string) => thrown(ConfigError, () => parseConfig({ vocab_size: 0 }, where)).remedy;
    expect(remedy()).toBe('Correct the value, or get the file again from where the model came from.');
    expect(remedy('preset mini')).toBe('Correct the value.');
  });

  it('comes back from what it writes', () => {
    const config = preset('mini');
    expect(parseConfig(publishedConfig(config))).toEqual(config);
  });

  it.each([
    [{ hiden_size: 3 }, /unknown key "hiden_size".*\n.*"hidden_size"/],
    [{ hidden_size: '3' }, /"hidden_size" is "3", expected a number/],
    [{ hidden_size: 2.5 }, /"hidden_size" is 2.5, expected a whole number/],
    [{ hidden_size: 0 }, /"hidden_size" is 0, expected a number of at least 1/],
    [{ num_hidden_layers: 2 ** 31 }, /"num_hidden_layers" is 2147483648, expected a number of at most 10000/],
    [{ rope_theta: -1 }, /"rope_theta" is -1, expected a number above 0/],
    [{ tie_word_embeddings: 'yes' }, /"tie_word_embeddings" is "yes", expected true or false/],
    [{ full_attention_idx: [1, 'x'] }, /"full_attention_idx.1" is "x", expected a number/],
    [{ eos_token_idd: 2 }, /Did you mean "eos_token_id"/],
    [{ num_attention_heads: 3, num_key_value_heads: 2 }, /3 attention heads cannot share 2/],
    [{ mamba_step: 1 }, /"mamba_step" is 1/],
    [{ mamba_step: 2.5 }, /"mamba_step" is 2.5, expected a whole number/],
    [{ mamba_d_conv: 1 }, /"mamba_d_conv" is 1, expected a number of at least 2/],
    [{ vocab_size: 2 ** 31 }, /"vocab_size" is 2147483648, expected a number of at most 2147483647/],
    [{ num_hidden_layers: 0 }, /"num_hidden_layers" is 0, expected a number of at least 1/],
    [{ num_hidden_layers: 1.5 }, /"num_hidden_layers" is 1.5, expected a whole number/],
    [{ rope_theta: 0 }, /"rope_theta" is 0, expected a number above 0/],
    [{ rope_local_theta: 0 }, /"rope_local_theta" is 0, expected a number above 0/],
    [{ rms_norm_eps: 0 }, /"rms_norm_eps" is 0, expected a number above 0/],
    [{ bos_token_id: -1 }, /"bos_token_id" is -1/],
    [{ pad_token_id: 0.5 }, /"pad_token_id" is 0.5/],
    [{ eos_token_id: 'end' }, /expected a token id, a list of them, or null/],
    [{ full_attention_idx: [-1] }, /"full_attention_idx.0" is -1/],
    [{ hidden_size_per_head: 7 }, /"hidden_size_per_head" is 7.*\n.*must be even/],
    [{ hiden_sise: 3 }, /Did you mean "hidden_size"/],
    [{ full_attention_idx: [0] }, /layer 0, which is no attention layer/],
    [{ full_attention_idx: [32] }, /layer 32, which is no attention layer/],
    [{ full_attention_idx: [33] }, /layer 33, which is no attention layer/],
    [null, /expected a JSON object/],
    ['{}', /expected a JSON object/],
    [{ model_type: 'llama' }, /model_type is "llama"/],
    [[], /expected a JSON object/],
  ])('refuses %j', (json, message) => {
    expect(() => parseConfig(json)).toThrow(message);
    expect(() => parseConfig(json)).toThrow(ConfigError);
  });

  it("takes other tools' keys for what they are, and not for misspelt ones", () => {
    const others = ['cls_token_id', 'sep_token_id', 'eot_token_id', 'boi_token_id', 'forced_bos_token_id'];
    for (const key of others) expect(parseConfig({ [key]: 3 })).toEqual(parseConfig({}));
    expect(parseConfig({ eos_token_id: [2, 4] }).eos_token_id).toEqual([2, 4]);
    expect(parseConfig(JSON.parse('{"__proto__": 1, "constructor": 2, "toString": 3}'))).toEqual(parseConfig({}));
  });

  it('knows presets by their own names only', () => {
    for (const name of ['toString', 'constructor', '__proto__', 'hasOwnProperty'])
      expect(() => preset(name)).toThrow(`there is no model preset "${name}"`);
  });

  it('lets keys of others through that are not near one of ours', () => {
    expect(parseConfig({ hidden_sizes_of_mine: 3, use_cache: false })).toEqual(parseConfig({}));
  });

  it.each([
    ['n_layers', 'num_hidden_layers'],
    ['nLayer', 'num_hidden_layers'],
    ['d_model', 'hidden_size'],
    ['dim', 'hidden_size'],
    ['n_embd', 'hidden_size'],
    ['n_heads', 'num_attention_heads'],
    ['n_head', 'num_attention_heads'],
    ['n_kv_heads', 'num_key_value_heads'],
    ['d_ff', 'intermediate_size'],
    ['vocabulary_size', 'vocab_size'],
    ['sliding_window', 'attention_window_size'],
    ['windowSize', 'attention_window_size'],
    ['hiddenLayers', 'num_hidden_layers'],
    ['vocab_sise', 'vocab_size'],
  ])('a change of %s is answered with %s', (key, near) => {
    const change = () => preset('mini', { [key]: 2 });
    expect(change).toThrow(`preset mini: the model has no key "${key}"`);
    expect(change).toThrow(`Did you mean "${near}"?`);
  });

  it('names all keys for a change that is near none, and refuses changes that are no object', () => {
    expect(() => preset('mini', { zzzzzzzzz: 1 } as object)).toThrow(
      /Known: hidden_size, intermediate_size, .*qk_norm\.$/,
    );
    for (const wrong of [null, [], 3, 'x'])
      expect(() => preset('mini', wrong as never)).toThrow(/preset mini: changes are an object, got/);
  });

  it('has the presets whose shapes the docs name', () => {
    expect(presetNames).toEqual(['1b', '8b', '2.1-2b', 'bench', 'mini', 'dense']);
    expect(preset('2.1-2b')).toMatchObject({ tie_word_embeddings: false, attention_window_size: 32768 });
    expect(preset('dense')).toMatchObject({ mamba_enabled: false, attention_window_size: 4096 });
    for (const name of ['1b', '8b']) expect(preset(name).rope_theta).toBe(10000);
    expect([count('mini').parameters, count('dense').parameters]).toEqual([4_598_192, 4_003_584]);
  });

  it('names the nearest preset', () => {
    expect(() => preset('minni')).toThrow(/Did you mean "mini"/);
  });
});
