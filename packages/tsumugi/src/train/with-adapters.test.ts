// A training of adapters: that it learns, goes on exactly, keeps its base, and that each setting reaches what is trained.
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectOverSeeds } from '../base/base.testing.ts';
import { sha256File } from '../base/index.ts';
import { loadAdapted, loadModel, loraLayers } from '../lm/index.ts';
import { inputAt, readEvents } from '../run/index.ts';
import { Artefact, openSafetensors } from '../store/index.ts';
import { type AdapterConfig, adapterSettings, checkAdapterSettings } from './adapter-config.ts';
import { planModel } from './plan-model.ts';
import { pretrain, pretraining } from './pretrain.ts';
import type { PretrainConfig } from './pretrain-config.ts';
import { silent, type TinySetup, tinySetup } from './train.testing.ts';
import { trainModel } from './train-model.ts';
import { withAdapters } from './with-adapters.ts';

let setup: TinySetup;
const at = (...names: string[]) => join(setup.folder, ...names);
const usual: AdapterConfig = { lora: 4, loraAlpha: 8, loraDropout: 0.1 };
/** Next tokens of the novel, learned by adapters over the model in `base`. */
async function task(name: string, adapters: AdapterConfig, changes: Partial<PretrainConfig>, base: string) {
  const settings = { steps: 6, checkpointEvery: 2, keepLast: 9, evaluateEvery: 0, learningRate: 1e-2, weightDecay: 0 };
  const plain = await pretraining(setup.config(name, { ...settings, ...changes }));
  const model = inputAt(base, await new Artefact(base).hash());
  const lineage = { ...plain.result.lineage, parents: [{ name: base, sha256: model.sha256 }] };
  const result = { ...plain.result, lineage };
  return withAdapters({ ...plain, inputs: { ...plain.inputs, model }, result }, adapters, base);
}
async function run(
  name: string,
  adapters: AdapterConfig = usual,
  changes: Partial<PretrainConfig> = {},
  more: { resume?: boolean; base?: string } = {},
) {
  using made = await task(name, adapters, changes, more.base ?? at('base', 'model'));
  return await trainModel(made, { stream: silent, resume: more.resume ?? false });
}
const adapterOf = (name: string) => sha256File(at(name, 'adapter', 'adapter_model.safetensors'));

beforeAll(async () => {
  setup = await tinySetup();
  await pretrain(setup.config('base', { steps: 30, batchSize: 4, evaluateEvery: 0, checkpointEvery: 0 }), {
    stream: silent,
  });
  await run('usual');
}, 120_000);
afterAll(() => setup[Symbol.dispose]());

it.each(['lora', 'rslora', 'dora'] as const)(
  'learns, by adapters alone: %s',
  async (loraKind) => {
    await expectOverSeeds(
      async (seed) => {
        const of = {
          seed,
          steps: 60,
          batchSize: 2,
          checkpointEvery: 0,
          schedule: 'constant',
          learningRate: 2e-2,
        } as const;
        const name = `learns-${loraKind}-${seed}`;
        // The same rows in every step: they are learned by heart.
        using made = await task(name, { lora: 8, loraKind }, of, at('base', 'model'));
        const gradients: typeof made.gradients = (model, within) => {
          const real = made.gradients(model, within);
          return () => real(0);
        };
        await trainModel({ ...made, gradients }, { stream: silent });
        const events = readEvents(at(name, 'events.jsonl'));
        const losses = events.flatMap((event) => (event.type === 'step' ? [Number(event.loss)] : []));
        return losses.at(-1)! / losses[0]!;
      },
      { below: 0.97 },
    );
  },
  120_000,
);

it('begins where its base ends', () => {
  const [first] = readEvents(at('usual', 'events.jsonl')).filter(({ type }) => type === 'evaluation');
  const last = readEvents(at('base', 'events.jsonl')).findLast(({ type }) => type === 'evaluation');
  for (const [name, value] of Object.entries((last as { metrics: Record<string, number> }).metrics))
    expect((first as { metrics: Record<string, number> }).metrics[name]).toBeCloseTo(value, 6);
});

it('keeps adapters and their moments in checkpoints, and nothing of the base', () => {
  const folder = at('usual', 'checkpoints', 'step-000000002');
  using weights = openSafetensors(join(folder, 'model.safetensors'));
  expect(weights.names.every((name) => /\.lora_[AB]\.weight$/.test(name))).toBe(true);
  using moments = openSafetensors(join(folder, 'optimizer.safetensors'));
  expect(moments.names).toHaveLength(2 * weights.names.length);
});

it('leaves an adapter that knows its base, and no model', async () => {
  const config = JSON.parse(readFileSync(at('usual', 'adapter', 'adapter_config.json'), 'utf8'));
  expect(config).toMatchObject({
    r: 4,
    lora_alpha: 8,
    lora_dropout: 0.1,
    base_model_name_or_path: at('base', 'model'),
  });
  using adapted = await loadAdapted(at('base', 'model'), at('usual', 'adapter'));
  expect(loraLayers(adapted).size).toBe(4 + 2 + 2 * 2);
  expect(() => loadModel(at('usual', 'model'))).toThrow();
  const other = at('other');
  cpSync(at('base', 'model'), other, { recursive: true });
  writeFileSync(join(other, 'config.json'), `${readFileSync(join(other, 'config.json'), 'utf8')}\n`);
  await expect(loadAdapted(other, at('usual', 'adapter'))).rejects.toThrow(/was trained on another model than/);
});

describe('a run that goes on', () => {
  const cut = (name: string) => {
    cpSync(at('usual'), at(name), { recursive: true });
    for (const step of [4, 6]) rmSync(at(name, 'checkpoints', `step-00000000${step}`), { recursive: true });
    rmSync(at(name, 'adapter'), { recursive: true });
  };

  it('ends in the same bytes, dropout and all', async () => {
    cut('cut');
    await run('cut', usual, {}, { resume: true });
    expect(adapterOf('cut')).toBe(adapterOf('usual'));
  });

  it('is refused when its base has changed', async () => {
    cut('moved');
    const base = at('base-changed');
    cpSync(at('base', 'model'), base, { recursive: true });
    const file = join(base, 'model.safetensors');
    const bytes = readFileSync(file);
    bytes[bytes.length - 2]! ^= 1;
    writeFileSync(file, bytes);
    await expect(run('moved', usual, {}, { resume: true, base })).rejects.toThrow(/model/);
  });
});

it.each<[string, AdapterConfig, Partial<PretrainConfig>?]>([
  ['lora', { ...usual, lora: 3 }],
  ['loraAlpha', { ...usual, loraAlpha: 9 }],
  ['loraDropout', { ...usual, loraDropout: 0 }],
  ['loraKind', { ...usual, loraKind: 'rslora' }],
  ['loraKind (dora)', { ...usual, loraKind: 'dora' }],
  ['loraTargets', { ...usual, loraTargets: ['mlp'] }],
  ['loraLayers', { ...usual, loraLayers: [1, 1] }],
  ['seed', usual, { seed: 5 }],
])('is changed by %s', async (name, adapters, changes = {}) => {
  const of = `by-${name}`;
  await run(of, adapters, { steps: 2, ...changes });
  await run(`${of}-usual`, usual, { steps: 2 });
  expect(adapterOf(of)).not.toBe(adapterOf(`${of}-usual`));
});

it('tells before the first step what is covered, and forecasts what is trained', async () => {
  using made = await task('plan', { ...usual, loraTargets: ['attention'] }, {}, at('base', 'model'));
  let said = '';
  const forecast = await planModel(made, {
    stream: {
      write(text: string) {
        said += text;
        return true;
      },
    },
  });
  expect(said).toMatch(/adapters \(lora, rank 4, α 8, dropout 0\.1\): [\d,]+ numbers are trained/);
  expect(said).toMatch(/in_proj +0 of 1 +0/);
  expect(said).toMatch(/qkv_proj +1 of 1/);
  using plain = await pretraining(setup.config('plan'));
  expect(forecast.memory[0]!.bytes).toBeLessThan(plain.space.memory[0]!.bytes / 3);
  const disk = (of: typeof forecast.disk) => of.reduce((sum, { bytes }) => sum + bytes, 0);
  expect(disk(forecast.disk)).toBeLessThan(disk(plain.space.disk) / 3);
});

it('refuses a setting of adapters where there are none, and a target that matches nothing', async () => {
  for (const key of Object.keys(adapterSettings()).slice(1))
    expect(() => checkAdapterSettings({ [key]: 1 } as AdapterConfig)).toThrow(`${key} has no effect without lora`);
  expect(() => checkAdapterSettings({})).not.toThrow();
  await expect(run('none', { lora: 2, loraTargets: ['q_proj'] })).rejects.toThrow(/no linear map "q_proj"/);
});
