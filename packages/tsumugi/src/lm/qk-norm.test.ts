// Models without QK-norm: no weights of it anywhere, the same answers cached, packed and loaded again, and errors that
// name the key. And the dense preset.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { namedParameters } from '../nn/index.ts';
import { gradcheckModule } from '../nn/nn.testing.ts';
import { noGrad, scope, type Tensor, tensor } from '../torch/index.ts';
import {
  Cache,
  initialWeights,
  isMamba,
  loadModel,
  Plamo2,
  type Plamo2Config,
  parameterTable,
  parseConfig,
  preset,
  publishedConfig,
  saveModel,
  tensorShapes,
  windowOf,
} from './index.ts';
import { smallConfig } from './lm.testing.ts';

const small = (changes: Partial<Plamo2Config> = {}) => smallConfig({ qk_norm: false, ...changes });
const ids = Array.from({ length: 37 }, (_, i) => (i * 97 + 13) % 300);
const asIds = (values: number[]) => tensor(BigInt64Array.from(values, BigInt), { shape: [1, values.length] });
const normWeights = (names: Iterable<string>) => [...names].filter((name) => /[qk]_weight$/.test(name));
const largest = (values: Tensor) => values.abs().max().item();

describe('qk_norm: false', () => {
  it('takes the weights of the norm away, and them alone', () => {
    const [on, off] = [small({ qk_norm: true }), small()].map((config) => tensorShapes(config));
    expect(normWeights(on!.keys())).toHaveLength(4);
    for (const name of normWeights(on!.keys())) on!.delete(name);
    expect(off).toEqual(on);
    const count = (config: ReturnType<typeof small>) =>
      parameterTable(config).reduce((sum, row) => sum + row.parameters, 0);
    // Two attention layers; 4 query and 2 key heads of 16 numbers.
    expect(count(small({ qk_norm: true })) - count(small())).toBe(2 * (4 + 2) * 16);
  });

  it('makes another model: the norm is really left out', () => {
    scope(() => {
      using on = new Plamo2(small({ qk_norm: true }), initialWeights(3));
      using off = new Plamo2(small(), initialWeights(3));
      expect(normWeights(namedParameters(off).map(([name]) => name))).toEqual([]);
      noGrad(() => {
        const [a, b] = [on, off].map((model) => model.forward(asIds(ids)));
        expect(largest(a!.sub(b!))).toBeGreaterThan(1e-3);
      });
    });
  });

  it.each([1, 3, 8])('decodes with a cache in steps of %i as the full forward does', (step) => {
    scope(() => {
      using model = new Plamo2(small(), initialWeights(3));
      noGrad(() => {
        const full = model.forward(asIds(ids));
        using cache = new Cache(model);
        for (let start = 0; start < ids.length; start += step) {
          const part = model.forward(asIds(ids.slice(start, start + step)), { cache });
          const expected = full.narrow(1, start, part.size(1));
          expect(largest(part.sub(expected)) / largest(expected)).toBeLessThan(1e-4);
        }
      });
    });
  });

  it('gives the right gradient of every parameter, packed documents included', () => {
    scope(() => {
      const shape = { hidden_size: 8, intermediate_size: 6, num_attention_heads: 2, num_key_value_heads: 1 };
      const tiny = { num_hidden_layers: 1, hidden_size_per_head: 4, vocab_size: 11, mamba_enabled: false };
      using model = new Plamo2(small({ ...shape, ...tiny }), initialWeights(1));
      const targets = asIds([3, 5, 1, -100, 8, 2]);
      const documents = tensor(Int32Array.of(0, 0, 0, 0, 1, 1), { shape: [1, 6] });
      gradcheckModule(model, (m) => m.loss({ ids: asIds([1, 3, 5, 1, 7, 8]), targets, documents }).loss, []);
    });
  });

  it('is written and read again; a folder that norms says nothing of it', () => {
    const home = mkdtempSync(join(tmpdir(), 'tsumugi-qk-norm-'));
    try {
      const json = (name: string) => JSON.parse(readFileSync(join(home, name, 'config.json'), 'utf8'));
      using off = new Plamo2(small(), initialWeights(1));
      saveModel(join(home, 'off'), off);
      // Other tools know only models that norm: they must not take this one for such a model.
      expect(json('off')).toMatchObject({ qk_norm: false, architectures: ['Plamo2WithoutQkNormForCausalLM'] });
      using loaded = loadModel(join(home, 'off'));
      expect(loaded.config).toEqual(off.config);
      scope(() =>
        noGrad(() => {
          expect(loaded.forward(asIds(ids)).tolist()).toEqual(off.forward(asIds(ids)).tolist());
        }),
      );
      using on = new Plamo2(small({ qk_norm: true }), initialWeights(1));
      saveModel(join(home, 'on'), on);
      expect(json('on')).not.toHaveProperty('qk_norm');
      expect(json('on').architectures).toEqual(['Plamo2ForCausalLM']);

      const set = (name: string, qk_norm: boolean) =>
        writeFileSync(join(home, name, 'config.json'), JSON.stringify({ ...json(name), qk_norm }));
      set('off', true);
      expect(() => loadModel(join(home, 'off'))).toThrow(/lack ".*1\.mixer\.q_weight".*\n.*Set "qk_norm" to false/);
      set('on', false);
      expect(() => loadModel(join(home, 'on'))).toThrow(/hold ".*1\.mixer\.k_weight".*\n.*Set "qk_norm" to true/);
    } finally {
      rmSync(home, { recursive: true });
    }
  });

  it('comes back from the config it writes, and must be a boolean', () => {
    expect(parseConfig(publishedConfig(small()))).toEqual(small());
    expect(parseConfig({}).qk_norm).toBe(true);
    expect(() => parseConfig({ qk_norm: 'no' })).toThrow(/"qk_norm"/);
    expect(() => parseConfig({ qk_nrom: false })).toThrow(/Did you mean "qk_norm"/);
  });
});

describe('the dense preset', () => {
  it('has attention alone, in reach of 4,096 tokens, and about the size of mini', () => {
    const config = preset('dense');
    const size = (name: string) => parameterTable(preset(name)).reduce((sum, row) => sum + row.parameters, 0);
    for (let i = 0; i < config.num_hidden_layers; i++) {
      expect(isMamba(config, i)).toBe(false);
      expect(windowOf(config, i)).toBe(4096);
    }
    expect(config.qk_norm).toBe(true);
    expect(size('dense')).toBe(4_003_584);
    expect(size('dense') / size('mini')).toBeGreaterThan(0.8);
    expect(preset('dense', { num_hidden_layers: 2, qk_norm: false })).toMatchObject({ qk_norm: false });
  });
});
