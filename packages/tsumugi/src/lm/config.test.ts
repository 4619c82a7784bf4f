// The published shapes, and config files that cannot be right.
import { describe, expect, it } from 'vitest';
import { ConfigError } from '../base/index.ts';
import { isMamba, parameterTable, parseConfig, preset, publishedConfig, tensorShapes } from './index.ts';

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
    const config = parseConfig({ model_type: 'plamo2', full_attention_idx: null });
    expect(config).toMatchObject({
      rope_theta: 1e6,
      rope_local_theta: 1e4,
      tie_word_embeddings: true,
      full_attention_idx: [],
    });
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
    [{ full_attention_idx: [0] }, /layer 0, which is no attention layer/],
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

  it('names the nearest preset', () => {
    expect(() => preset('minni')).toThrow(/Did you mean "mini"/);
  });
});
