// The stages that reshape and merge: what they forecast is what the library says of the same work, and what they make names the
// recipe that it is part of.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import {
  forecastMerge,
  growForecast,
  planGguf,
  prunedConfig,
  pruneForecast,
  quantizeForecast,
} from '../compress/index.ts';
import { SmallModels } from '../compress/merge/merge.testing.ts';
import { type Plamo2Config, parameterTable, parseConfig } from '../lm/index.ts';
import { Artefact } from '../store/index.ts';
import { exportGguf, grow, merge, prune, quantize } from './index.ts';
import { given, runStage } from './stages.testing.ts';

let small: SmallModels;
let config: Plamo2Config;
beforeAll(() => {
  small = new SmallModels();
  vi.stubEnv('XDG_CACHE_HOME', small.at('cache'));
  config = parseConfig(new Artefact(small.make('model', 1)).config(), 'the model');
  writeFileSync(small.at('text.txt'), '吾輩は猫である。名前はまだ無い。'.repeat(4));
});
afterAll(() => {
  vi.unstubAllEnvs();
  small[Symbol.dispose]();
});

const model = () => ({ ...given(small.at('model')), metrics: {}, about: undefined });
const text = () => ({ ...given(small.at('text.txt')), metrics: {}, about: undefined });
const settings = {
  grow: { hidden_size: 48 },
  prune: { hidden_size: 24, sequences: 2, sequenceLength: 16 },
  merge: { merge_method: 'linear', parameters: { weight: 1 }, gate: false },
  quantize: { method: 'rtn', groupSize: 16, tokens: 300 },
};

it('name the recipe in the lineage', async () => {
  const recipeOf = async (stage: typeof grow | typeof prune | typeof merge | typeof quantize, inputs: object) => {
    const name = stage.name as keyof typeof settings;
    await runStage(stage, settings[name], inputs, small.at(name));
    return new Artefact(join(small.at(name), 'model')).lineage()!.recipe;
  };
  expect(await recipeOf(grow, { model: model(), tokenizer: [] })).toBe('r');
  expect(await recipeOf(prune, { model: model(), text: text() })).toBe('r');
  expect(await recipeOf(merge, { models: [model(), model()] })).toBe('r');
  expect(await recipeOf(quantize, { model: model(), text: [] })).toBe('r');
});

it('forecast what the library does', async () => {
  const grown = grow.config.parse(settings.grow);
  const growing = growForecast(config, grown);
  expect(await grow.forecast({ config: grown, inputs: { model: model(), tokenizer: [] } })).toMatchObject({
    seconds: growing.seconds,
    memory: [{ bytes: growing.memoryBytes }],
    diskBytes: growing.diskBytes,
    about: { hidden_size: 48 },
  });

  const pruned = prune.config.parse(settings.prune);
  const pruning = pruneForecast(config, prunedConfig(config, pruned), pruned);
  expect(await prune.forecast({ config: pruned, inputs: { model: model(), text: text() } })).toMatchObject({
    seconds: pruning.seconds,
    memory: [{ bytes: pruning.memoryBytes }],
    diskBytes: pruning.diskBytes,
    about: { hidden_size: 24 },
  });

  const parameters = parameterTable(config).reduce((sum, each) => sum + each.parameters, 0);
  for (const gate of [true, false]) {
    const merged = merge.config.parse({ ...settings.merge, gate });
    const merging = forecastMerge('linear', { parameters, models: 2, gate });
    expect(await merge.forecast({ config: merged, inputs: { models: [model(), model()] } })).toMatchObject({
      seconds: merging.seconds,
      memory: [{ bytes: merging.memoryBytes }],
      diskBytes: merging.diskBytes,
    });
  }

  const quantized = quantize.config.parse(settings.quantize);
  const quantizing = quantizeForecast(config, quantized);
  expect(await quantize.forecast({ config: quantized, inputs: { model: model(), text: [] } })).toMatchObject({
    seconds: quantizing.seconds,
    memory: [{ bytes: quantizing.memoryBytes }],
    diskBytes: quantizing.diskBytes,
  });

  const exporting = (settings: object) =>
    exportGguf.forecast({ config: exportGguf.config.parse(settings), inputs: { model: model(), text: [] } });
  expect(await exporting({ type: 'Q8_0' })).toMatchObject({ diskBytes: planGguf(config, 'Q8_0').bytes });
  expect(() => exporting({ type: 'Q8_0', context: 7000 })).toThrow('7000 tokens is longer than the attention window');
});

it('count parameters of their own for the models that are merged, without the base', () => {
  const check = (own: number, models: number, base: boolean) => () =>
    merge.check!(
      merge.config.parse({
        ...settings.merge,
        merge_method: base ? 'task_arithmetic' : 'linear',
        base,
        models: Array(own).fill({ parameters: { weight: 1 } }),
      }),
      { models: Array(models).fill(model()) } as never,
    );
  expect(check(2, 3, true)).not.toThrow();
  expect(check(2, 2, false)).not.toThrow();
  expect(check(1, 2, false)).toThrow('there are parameters of 1 models, and 2 are merged');
  expect(check(3, 3, true)).toThrow('there are parameters of 3 models, and 2 are merged');
  expect(check(0, 3, true)).not.toThrow();
});
