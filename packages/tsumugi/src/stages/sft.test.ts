// The stage of fine-tuning: every setting reaches the training behind it, and so do its inputs; what it refuses and forecasts.
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { addLora, loadModel } from '../lm/index.ts';
import { RunFolder } from '../run/index.ts';
import { Artefact } from '../store/index.ts';
import { type SftSetup, sftSetup } from '../train/sft.testing.ts';
import { dpo, sft } from './index.ts';
import { expectEverySetting, given, runStage, tuned, tunedAdapters } from './stages.testing.ts';

let setup: SftSetup;
const at = (...names: string[]) => setup.at(...names);
beforeAll(async () => {
  setup = await sftSetup();
});
afterAll(() => setup[Symbol.dispose]());

/** None of them the default. */
const all = {
  ...tuned,
  epochs: 0.04,
  tooLong: 'cut',
  neftune: 5,
  freeze: ['embedding'],
  warmup: 0.1,
  zLoss: 1e-4,
  evaluateTokens: 200,
};
const adapters = tunedAdapters;
const examples = () => given(at('rows.jsonl'));
const inputs = (heldOut: object[] = []) => ({ model: given(at('base')), examples: examples(), heldOut });

it('begins its run with all that it is given', async () => {
  // Only one value of these works on every machine, steps stand beside epochs, and adapters in the place of what is frozen.
  const elsewhere = ['device', 'dtype', 'steps', 'heldOut', ...Object.keys(adapters)];
  expectEverySetting(sft, all, elsewhere);

  const outcome = await runStage(sft, all, inputs(), at('tuned'));
  expect(existsSync(at('tuned', 'model', 'model.safetensors'))).toBe(true);
  const paths = { model: at('base'), data: [at('rows.jsonl')], out: at('tuned') };
  expect(RunFolder.open(at('tuned')).config).toMatchObject({ ...all, ...paths, heldOut: 0.05 });
  const names = (outcome as { metrics: { name: string }[] }).metrics.map(({ name }) => name);
  expect(names).toEqual([
    "held-out loss of an answer's token",
    "held-out loss of an answer's token before",
    'held-out tokens right',
    'held-out tokens right before',
    'parameters',
    'tokens learned from',
  ]);
}, 60_000);

it('hands on what adapters are to be', async () => {
  const settings = { steps: 1, sequenceLength: 128, batchSize: 2, ...adapters };
  await runStage(sft, settings, inputs(), at('adapted'));
  expect(RunFolder.open(at('adapted')).config).toMatchObject(adapters);
  expect(existsSync(at('adapted', 'model', 'model.safetensors'))).toBe(true);
}, 60_000);

it('measures on a share, or on examples of their own', async () => {
  const heldOutOf = async (name: string, config: object, heldOut: object[]) => {
    await runStage(sft, { steps: 1, sequenceLength: 128, batchSize: 2, ...config }, inputs(heldOut), at(name));
    return (RunFolder.open(at(name)).config as { heldOut: unknown }).heldOut;
  };
  expect(await heldOutOf('share', { heldOut: 0.1 }, [])).toBe(0.1);
  expect(await heldOutOf('own', {}, [examples()])).toEqual([at('rows.jsonl')]);
});

it('refuses what does not go together, before anything is planned', () => {
  const check =
    (config: object, heldOut: object[] = []) =>
    () =>
      sft.check!(sft.config.parse(config), inputs(heldOut) as never);
  expect(check({ heldOut: 0.1 }, [examples()])).toThrow('heldOut has no effect with examples to measure on');
  expect(check({}, [examples(), examples()])).toThrow('sft measures on one set of examples, got 2');
  expect(check({ steps: 1, epochs: 1 })).toThrow('epochs has no effect with steps');
  expect(check({ schedule: 'range-test' })).toThrow('a range-test makes no model');
  expect(check({}, [examples()])).not.toThrow();
});

it('is another when its template file is', async () => {
  const uses = (template?: string) => sft.uses!(sft.config.parse({ template }));
  expect([await uses(), await uses('chatml')]).toEqual([{}, {}]);
  writeFileSync(at('own.jinja'), '{{ messages[0].content }}');
  const before = await uses(at('own.jinja'));
  expect(before).toEqual({ template: expect.stringMatching(/^[0-9a-f]{64}$/) });
  writeFileSync(at('own.jinja'), '{{ messages[1].content }}');
  expect(await uses(at('own.jinja'))).not.toEqual(before);
});

it('forecasts from the number of its rows, or from their bytes', async () => {
  const bytes = statSync(at('rows.jsonl')).size;
  const forecast = async (config: object, metrics: Record<string, number> = {}) => {
    const rows = { ...examples(), bytes, metrics, about: undefined };
    const model = { ...given(at('base')), metrics: {}, about: undefined };
    return await sft.forecast({ config: sft.config.parse(config), inputs: { model, examples: rows, heldOut: [] } });
  };
  const stepsOf = async (config: object, metrics = {}) => (await forecast(config, metrics)).metrics!['steps'];
  expect(await stepsOf({ steps: 7 })).toBe(7);
  expect(await stepsOf({ batchSize: 8, epochs: 2 }, { examples: 200 })).toBe(50);
  expect(await stepsOf({ batchSize: 8, gradientAccumulation: 5 }, { examples: 200 })).toBe(15); // 3 epochs
  expect(await stepsOf({ batchSize: 1, epochs: 1 })).toBe(Math.ceil(bytes / 600));
  expect((await forecast({ steps: 1 })).memory!.length).toBeGreaterThan(1);
});

it('forecasts no gradients and no moments of what is frozen', async () => {
  using model = loadModel(at('base'), { dtype: 'float32' });
  const embedding = model.config.vocab_size * model.config.hidden_size;
  const forecast = async (config: object) => {
    const rows = { ...examples(), bytes: 6000, metrics: { examples: 10 }, about: undefined };
    const inputs = { model: { ...given(at('base')), metrics: {}, about: undefined }, examples: rows, heldOut: [] };
    const { memory, diskBytes } = await sft.forecast({ config: sft.config.parse({ steps: 2, ...config }), inputs });
    return [memory!.find(({ what }) => what.startsWith('weights'))!.bytes, diskBytes!] as const;
  };
  const [whole, part] = [await forecast({}), await forecast({ freeze: ['embedding'] })];
  expect(whole[0] - part[0]).toBe(3 * 4 * embedding);
  expect(part[1]).toBeLessThan(whole[1]);
});

it('forecasts adapters as adapters: the model as it is stored, and gradients and moments of what is added', async () => {
  const made = { ...given(at('base')), metrics: {}, about: undefined };
  using model = loadModel(at('base'), { dtype: 'float32' });
  const unmade = { ...made, path: at('not-yet'), about: { ...model.config } };
  using weights = new Artefact(at('base')).weights();
  const stored = weights.names.reduce((sum, name) => sum + weights.info(name).bytes, 0);
  const added = [...addLora(model, { rank: 2 }).values()].reduce(
    (sum, { lora_A, lora_B }) => sum + lora_A.weight.numel() + lora_B.weight.numel(),
    0,
  );
  for (const [stage, rows] of [
    [sft, 'examples'],
    [dpo, 'pairs'],
  ] as const)
    for (const given of [made, unmade]) {
      const forecast = async (config: object) => {
        const inputs = { model: given, [rows]: { ...examples(), bytes: 6000, metrics: { examples: 10 } }, heldOut: [] };
        const { memory, diskBytes } = await (stage as typeof sft).forecast({
          config: stage.config.parse({ steps: 2, keepLast: 1, ...config }) as never,
          inputs: inputs as never,
        });
        return { state: memory!.find(({ what }) => what.startsWith('weights'))!.bytes, diskBytes };
      };
      expect(await forecast({ lora: 2 }), stage.name).toEqual({
        state: stored + 16 * added, // of each a weight, a gradient, two moments
        diskBytes: 3 * 12 * added + stored, // checkpoints, and the model that they are merged into
      });
      expect(await forecast({})).toEqual({ state: 4 * stored, diskBytes: 3 * 3 * stored + stored });
    }
}, 60_000);
