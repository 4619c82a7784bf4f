// A training of a part of a model: what is frozen stays bit for bit, is in no checkpoint, and a run goes on exactly.
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { deriveSeed, sha256File } from '../base/index.ts';
import { initialWeights, loadModel, Plamo2, tensorShapes } from '../lm/index.ts';
import { totalBytes } from '../loop/index.ts';
import { namedParameters, numParameters } from '../nn/index.ts';
import { readEvents } from '../run/index.ts';
import { openSafetensors } from '../store/index.ts';
import { numElements, scope } from '../torch/index.ts';
import { formatParameterTable } from './describe-model.ts';
import { trainingFlops } from './flops.ts';
import { forecastSpace } from './forecast.ts';
import { forecastMemory } from './memory-forecast.ts';
import { pretraining } from './pretrain.ts';
import type { PretrainConfig } from './pretrain-config.ts';
import { silent, type TinySetup, tinySetup } from './train.testing.ts';
import { trainModel } from './train-model.ts';

/** All but the MLP of the second layer. */
const isFrozen = (name: string) => !name.startsWith('model.layers.layers.1.mlp.');

let setup: TinySetup;
const at = (...names: string[]) => join(setup.folder, ...names);
async function run(name: string, changes: Partial<PretrainConfig> = {}, resume = false) {
  using task = await pretraining(setup.config(name, { steps: 6, checkpointEvery: 2, keepLast: 9, ...changes }));
  return await trainModel({ ...task, part: { isFrozen } }, { stream: silent, resume });
}
beforeAll(async () => {
  setup = await tinySetup();
  await run('usual');
}, 120_000);
afterAll(() => setup[Symbol.dispose]());

it('changes what is trained, and nothing else by a bit', () => {
  using model = loadModel(at('usual', 'model'));
  using before = new Plamo2(model.config, initialWeights(deriveSeed(0, 'weights')));
  const old = new Map(namedParameters(before));
  const changed = namedParameters(model).filter(([name, tensor]) =>
    scope(() => tensor.ne(old.get(name)!).any().item()),
  );
  expect(changed.map(([name]) => name)).toEqual(
    ['gate_up_proj', 'down_proj'].map((name) => `model.layers.layers.1.mlp.${name}.weight`),
  );
});

it('keeps what is trained in checkpoints, names no frozen weight as unused, and tells both numbers', () => {
  using weights = openSafetensors(at('usual', 'checkpoints', 'step-000000002', 'model.safetensors'));
  expect(weights.names.every((name) => !isFrozen(name))).toBe(true);
  expect(weights.names).toHaveLength(2);
  const events = readEvents(at('usual', 'events.jsonl'));
  expect(events.filter(({ type }) => type === 'warning')).toEqual([]);
  using model = loadModel(at('usual', 'model'));
  expect(events[0]).toMatchObject({ parameters: numParameters(model), trainable: 3 * 48 * 64 });
});

it('goes on bit for bit', async () => {
  cpSync(at('usual'), at('cut'), { recursive: true });
  for (const step of ['4', '6']) rmSync(at('cut', 'checkpoints', `step-00000000${step}`), { recursive: true });
  rmSync(at('cut', 'model'), { recursive: true });
  await run('cut', {}, true);
  const [whole, cut] = ['usual', 'cut'].map((name) => sha256File(at(name, 'model', 'model.safetensors')));
  expect(cut).toBe(whole);
});

it('is forecast: weights without gradients and moments, products without those for weights', () => {
  using model = loadModel(at('usual', 'model'));
  const { config } = model;
  const shape = { sequenceLength: 48, batchSize: 2, activationCheckpointing: false };
  const [parameters, trained] = [numParameters(model), 3 * 48 * 64];
  expect(forecastMemory(config, shape, { isFrozen })).toMatchObject({
    ...{ parameters, trained },
    stateBytes: 4 * (parameters - trained) + 16 * trained,
  });
  expect(forecastMemory(config, shape, { isFrozen, frozenBytes: 7, added: 10 }).stateBytes).toBe(
    7 + 16 * (trained + 10),
  );
  const disk = (part = {}) => totalBytes(forecastSpace('x', config, [shape], { out: at('x'), keepLast: 1 }, part).disk);
  expect(disk() - disk({ isFrozen })).toBe(3 * 12 * (parameters - trained));
  // Two operations less for each frozen number of a projection or the head, and token.
  let products = 0;
  for (const [name, each] of tensorShapes(config))
    if (/(proj|embed_tokens)\.weight$/.test(name) && isFrozen(name)) products += numElements(each);
  const flops = (part = {}) => trainingFlops(config, shape, part);
  expect(flops() - flops({ isFrozen })).toBe(2 * products * 96);
  expect(flops({ added: 5 }) - flops()).toBe(6 * 5 * 96);
  expect(formatParameterTable(config, isFrozen)).toMatch(/MLPs +18,432 +4 tensors +9,216 trained\n/);
  expect(formatParameterTable(config, isFrozen)).toMatch(/all .* 9,216 trained$/);
});
