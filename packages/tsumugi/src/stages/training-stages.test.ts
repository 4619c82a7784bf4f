// Every setting of the stages that train reaches the training behind them: the run is begun with what the stage was given. What
// each does there is in train/settings.test.ts and train/extend-settings.test.ts; the stages that read text are in
// text-stages.test.ts. A setting without a value here fails.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RunFolder } from '../run/index.ts';
import { distill as distillModel, nextTokenLoss } from '../train/index.ts';
import { readLogitsManifest } from '../train/logits-manifest.ts';
import { silent, type TinySetup, tinyModel, tinySetup } from '../train/train.testing.ts';
import { distill, extend, pretrain, pretrainWith, teacherLogits } from './index.ts';
import { given, runStage } from './stages.testing.ts';

let setup: TinySetup;
const at = (...names: string[]) => join(setup.folder, ...names);
beforeAll(async () => {
  setup = await tinySetup();
  const { steps: _steps, ...rest } = trained();
  await run(pretrain, { ...rest, steps: 1, minutes: undefined }, pretrainInputs(), 'base');
});
afterAll(() => setup[Symbol.dispose]());

const pretrainInputs = () => ({ data: given(at('data'), { tokens: 6000 }), tokenizer: given(at('tokenizer')) });

type TrainingStage = typeof pretrain | typeof extend | typeof distill;
async function run(stage: TrainingStage, config: object, inputs: object, name: string): Promise<object> {
  await runStage(stage, config, inputs, at(name));
  expect(existsSync(at(name, 'model')) && readdirSync(at(name, 'checkpoints')).length > 0).toBe(true);
  return RunFolder.open(at(name)).config;
}

/** None of them the default. */
const shared = {
  predictEnd: true,
  learningRate: 2e-3,
  schedule: 'wsd',
  warmup: 0.1,
  decay: 0.3,
  floor: 0.3,
  betas: [0.8, 0.9],
  epsilon: 1e-7,
  weightDecay: 0.2,
  clipNorm: 2,
  zLoss: 1e-4,
  seed: 3,
  evaluateEvery: 1,
  evaluateTokens: 200,
  checkpointEvery: 1,
  keepLast: 1,
  keepSteps: [1],
  layersEvery: 2,
  shard: 'zero1',
};
const trained = () => ({
  ...shared,
  model: 'mini',
  modelChanges: tinyModel,
  steps: 2,
  minutes: 5,
  sequenceLength: 48,
  batchSize: 2,
  gradientAccumulation: 2,
  activationCheckpointing: true,
  sampleEvery: 1,
  samplePrompt: '猫',
});
const extended = {
  ...shared,
  layers: [],
  ropeTheta: 2e6,
  ropeLocalTheta: 2e4,
  windowSize: 32,
  activationCheckpointing: false,
};
const distilled = {
  ...shared,
  logitWeight: 0.5,
  divergence: 'jensen-shannon',
  beta: 0.3,
  temperature: 2,
  topK: 9,
  languageWeight: 0.5,
  hiddenWeight: 0.1,
  hiddenLayers: [[0, 1]],
  hiddenLoss: 'cosine',
  teacherDtype: 'bfloat16',
  steps: 2,
  sequenceLength: 48,
  batchSize: 2,
  gradientAccumulation: 2,
  activationCheckpointing: true,
};
/** Only one value works on every machine: below, one that works on none is refused by the training. */
const single = ['device', 'dtype', 'model'];

function requireAll(config: object, { shape }: TrainingStage['config'], elsewhere: readonly string[] = []): void {
  const rest = Object.keys(shape).filter((key) => !single.includes(key) && !elsewhere.includes(key));
  expect(
    Object.keys(config)
      .filter((key) => !single.includes(key))
      .sort(),
  ).toEqual(rest.sort());
  const defaults = Object.entries(shape).map(([key, field]) => [key, field.safeParse(undefined).data]);
  for (const [key, value] of defaults as [string, unknown][])
    if (rest.includes(key)) expect(config[key as keyof typeof config], key).not.toEqual(value);
}

it('pretrain begins its run with all that it is given', async () => {
  requireAll(trained(), pretrain.config, ['epochs']);
  expect(await run(pretrain, trained(), pretrainInputs(), 'pretrained')).toMatchObject(trained());
});

it('pretrain takes parts of one’s own, which are part of its address by their names', async () => {
  const loss = { name: 'mine', of: nextTokenLoss };
  const stage = pretrainWith({ loss });
  const { steps: _steps, minutes: _minutes, ...rest } = trained();
  expect(await run(stage, { ...rest, steps: 1 }, pretrainInputs(), 'own')).toMatchObject({ loss: { own: 'mine' } });
  const config = stage.config.parse(rest);
  expect([await stage.uses!(config), await pretrain.uses!(config)]).toEqual([{ loss: 'mine' }, {}]);
});

it('pretrain takes as many steps as the epochs need', async () => {
  const { steps: _steps, ...rest } = trained();
  // 6,000 tokens, 2 × 2 rows of 48 a step.
  const found = await run(pretrain, { ...rest, epochs: 0.05 }, pretrainInputs(), 'epochs');
  expect(found).toMatchObject({ steps: Math.ceil((0.05 * 6000) / (48 * 2 * 2)) });
});

it('extend begins its run with all that it is given, the weights at the data in their order', async () => {
  const phases = [{ sequenceLength: 48, steps: 1, batchSize: 1, gradientAccumulation: 2 }];
  requireAll({ ...extended, phases, weights: [] }, extend.config, ['ranksPerRow']);
  const inputs = { model: given(at('base', 'model')), data: [given(at('data')), given(at('data'))] };
  expect(await run(extend, { ...extended, phases, weights: [3, 5] }, inputs, 'long')).toMatchObject({
    ...extended,
    phases,
    mix: [3, 5].map((weight) => ({ data: at('data'), weight })),
  });
});

it('distill begins its run with all that it is given', async () => {
  requireAll(distilled, distill.config);
  const model = given(at('base', 'model'));
  const found = await run(
    distill,
    distilled,
    { teacher: model, model, data: given(at('data')), logits: [] },
    'distilled',
  );
  expect(found).toMatchObject({ ...distilled, teacher: at('base', 'model'), model: at('base', 'model') });
});

it('teacher-logits keeps what a teacher says, and distill learns from it', async () => {
  const rows = {
    topK: 9,
    temperature: 2,
    teacherDtype: 'float32',
    steps: 2,
    sequenceLength: 48,
    batchSize: 2,
    gradientAccumulation: 2,
    seed: 3,
    evaluateTokens: 200,
  };
  const { steps: _, ...kept } = rows;
  expect(Object.keys(rows).sort()).toEqual(Object.keys(teacherLogits.config.shape).filter((key) => key !== 'device').sort()); // biome-ignore format: one line
  const model = given(at('base', 'model'));
  const inputs = { teacher: model, data: given(at('data')) };
  const outcome = await runStage(teacherLogits, rows, inputs, at('kept'));
  expect(outcome).toMatchObject({
    metrics: [{ name: 'tokens', value: 2 * 2 * 2 * 48 }, { name: 'bytes of the logits' }],
  });
  expect(readLogitsManifest(at('kept', 'logits'))).toMatchObject(rows);
  const { diskBytes } = await teacherLogits.forecast({ config: teacherLogits.config.parse(rows), inputs } as never);
  const [, written] = (outcome as { metrics: { value: number }[] }).metrics;
  const { heldOutBatches } = readLogitsManifest(at('kept', 'logits'));
  // 2 · 2 batches are learned from; how many are held out is not known without the metrics of the data.
  expect(diskBytes! / written!.value).toBeCloseTo(4 / (4 + heldOutBatches), 2);
  const { hiddenWeight: _w, hiddenLayers: _l, hiddenLoss: _h, ...without } = distilled;
  const logits = [given(at('kept', 'logits'))];
  const found = await run(distill, { ...without, ...kept }, { ...inputs, model, logits }, 'from-kept');
  expect(found).toMatchObject({ teacherLogits: at('kept', 'logits') });
  // A run that is there is gone on with when the runner says so, and is in the way otherwise.
  const again = (resumed: boolean) =>
    distill.run({
      config: distill.config.parse({ ...without, ...kept }),
      inputs: { ...inputs, model, logits },
      folder: at('from-kept'),
      recipe: 'r',
      resumed,
      stream: silent,
    } as never) as Promise<{ metrics: object[] }>;
  const paths = { teacher: model.path, model: model.path, data: at('data'), teacherLogits: at('kept', 'logits') };
  const settings = distill.config.parse({ ...without, ...kept });
  const twin = await distillModel({ ...settings, ...paths, out: at('twin') }, { stream: silent });
  expect(await again(true)).toMatchObject({
    metrics: [
      { name: 'KL to the teacher', value: twin.after!.kl },
      { name: 'KL to the teacher before', value: twin.before!.kl },
      { name: 'held-out bits per character', value: twin.after!.bitsPerCharacter },
      { name: 'held-out bits per character before', value: twin.before!.bitsPerCharacter },
      ...Array((await again(true)).metrics.length - 4).fill(expect.anything()),
    ],
  });
  await expect((async () => await again(false))()).rejects.toThrow();
  const check = (config: object, some: object[]) => () =>
    distill.check!(distill.config.parse(config), { ...inputs, model, logits: some } as never);
  expect(check({}, [...logits, ...logits])).toThrow('the logits of one teacher, got 2');
  expect(check({ hiddenWeight: 1 }, logits)).toThrow('hiddenWeight needs the teacher itself');
});

it('refuses a range test, of which no model comes', () => {
  const test = { ...shared, schedule: 'range-test', decay: undefined };
  const given = { data: [], logits: [] } as never;
  expect(() => pretrain.check!(pretrain.config.parse(test), given)).toThrow('a range-test makes no model');
  const phases = [{ sequenceLength: 48, steps: 1 }];
  expect(() => extend.check!(extend.config.parse({ ...test, phases }), given)).toThrow('a range-test makes no model');
  const language = { ...test, languageWeight: 1 };
  expect(() => distill.check!(distill.config.parse(language), given)).toThrow('a range-test makes no model');
});

it('the device and the model are those that the stage is given', async () => {
  const refused = (stage: TrainingStage, config: object, inputs: object, message: string) =>
    expect(run(stage, config, inputs, 'refused')).rejects.toThrow(message);
  const inputs = { model: given(at('base', 'model')), data: [given(at('data'))] };
  await refused(pretrain, { ...trained(), device: 'gpu' }, pretrainInputs(), 'got "gpu"');
  await refused(extend, { ...extended, device: 'gpu' }, inputs, 'got "gpu"');
  await refused(pretrain, { ...trained(), model: 'minni' }, pretrainInputs(), '"mini"');
});
