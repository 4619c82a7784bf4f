// Training GANs: it learns, resumes exactly, saves on Ctrl-C, stops with a diagnosis, and refuses what cannot work.
import { cpSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectOverSeeds } from '../base/base.testing.ts';
import { ConfigError, sha256File, type UserError } from '../base/index.ts';
import { inTime } from '../base/thorough.testing.ts';
import { readPicture } from '../images/picture.ts';
import { RunFolder, readEvents } from '../run/index.ts';
import { Artefact } from '../store/index.ts';
import { scope, type Tensor, tensor } from '../torch/index.ts';
import { patternValues, silent, type TinyGan, tinyGan } from './gan.testing.ts';
import { loadGenerator } from './model-folder.ts';
import { imageSampler } from './sampler.ts';
import { trainGan } from './train.ts';
import type { GanInput } from './train-config.ts';

let setup: TinyGan;
beforeAll(() => {
  setup = tinyGan();
});
afterAll(() => setup[Symbol.dispose]());

const at = (...names: string[]) => setup.at(...names);
const options = () => ({ stream: silent, dataFolder: at('data') });
const train = (name: string, changes: Partial<GanInput> = {}, more = {}) =>
  trainGan(setup.config(name, changes), { ...options(), ...more });
const weightsOf = (name: string) => at(name, 'model', 'model.safetensors');
const events = (name: string) => readEvents(at(name, 'events.jsonl'));

/** How far the mean of 64 images of a run looks like the bar: the correlation over the pixels, 0 for what has nothing of it. */
function likeness(name: string): number {
  const { generator } = loadGenerator(at(name, 'model'));
  using network = generator;
  return scope(() => {
    const mean = imageSampler(network, { seed: 1 })(64).mean([0, 1]).flatten();
    const bar = tensor(Float32Array.from(patternValues('bar')));
    const [x, y] = [mean, bar].map((values) => values.sub(values.mean())) as [Tensor, Tensor];
    return x.dot(y).div(x.norm().mul(y.norm())).item();
  });
}

describe('a run', () => {
  it('learns what the images are', async () => {
    const changes = { data: at('images', 'bar'), learningRate: 2e-3, discriminatorSteps: 1, emaDecay: 0.95 };
    const seldom = { checkpointEvery: 0, measureEvery: 0, gridEvery: 0, decayFrom: 0 };
    await train('begun', { ...changes, ...seldom, steps: 1 });
    expect(Math.abs(likeness('begun'))).toBeLessThan(0.3); // 0.06 to 0.11 at three seeds
    // Measured on both CPU levels after 200 and 300 steps: 0.93 to 0.995 at seeds 0, 1, 2.
    const learnt = async (seed: number) => {
      await train(`learnt${seed}`, { ...changes, ...seldom, seed, steps: inTime(100, 300) });
      return likeness(`learnt${seed}`);
    };
    await expectOverSeeds(learnt, { above: 0.7 }, [0, 1, 2]);
  }, 300_000);

  it('writes a model folder with lineage', async () => {
    const { folder, interrupted } = await train('learnt', { seed: 7, checkpointEvery: 0, steps: 2 });
    expect([folder, interrupted]).toEqual([at('learnt', 'model'), false]);
    expect(readdirSync(folder!).sort()).toEqual(['config.json', 'lineage.json', 'model.safetensors']);
    const lineage = JSON.parse(readFileSync(at('learnt', 'model', 'lineage.json'), 'utf8'));
    expect(lineage).toMatchObject({ stage: 'gan', seed: 7, config: { steps: 2 } });
  });

  it('logs losses, singular values, gradient norms and grids at their steps', async () => {
    await train('whole', { emaDecay: 0.5, conditional: true });
    const found = events('whole');
    expect(found.filter(({ type }) => type === 'step').map(({ step }) => step)).toEqual([2, 4, 6, 8]);
    const measured = found.filter((event) => event.type === 'evaluation');
    expect(measured.map(({ step }) => step)).toEqual([0, 3, 6, 8]);
    const { metrics } = measured.at(-1)!;
    expect(Object.keys(metrics)).toEqual(
      expect.arrayContaining([
        'inputGradNorm.real.mean',
        'inputGradNorm.between.max',
        'sigma.convolutions.0',
        'sigmaStored.head.dense',
      ]),
    );
    expect(Object.values(metrics).every((value) => value! > 0)).toBe(true);
    expect(readdirSync(at('whole', 'grids'))).toEqual(['step-000000.png', 'step-000004.png', 'step-000008.png']);
    const { width, height } = await readPicture(at('whole', 'grids', 'step-000008.png'));
    expect([width, height]).toEqual([2 * 10 + 2, 5 * 10 + 2]); // a column for each of the two classes
    expect(found.at(-1)).toMatchObject({ type: 'end', reason: 'done', step: 8 });
  });
});

describe('a run that was cut off', () => {
  it('goes on bit for bit from every step, with every method', async () => {
    const changes = { emaDecay: 0.5, conditional: true, decayFrom: 3 } as const;
    for (const method of inTime(['sn', 'batch-norm'] as const, ['sn', 'wgan-gp', 'batch-norm'] as const)) {
      rmSync(at('resumed'), { recursive: true, force: true });
      await train('resumed', { ...changes, method });
      const whole = sha256File(weightsOf('resumed'));
      cpSync(at('resumed'), at('kept'), { recursive: true });
      // Steps with a grid, a measurement, a logged loss, and with none of them.
      for (const step of method === 'sn' ? inTime([3], [1, 2, 3, 4]) : [5]) {
        rmSync(at('resumed'), { recursive: true });
        cpSync(at('kept'), at('resumed'), { recursive: true });
        rmSync(at('resumed', 'model'), { recursive: true });
        for (const entry of readdirSync(at('resumed', 'checkpoints')))
          if (Number(entry.slice(5)) > step) rmSync(at('resumed', 'checkpoints', entry), { recursive: true });
        await train('resumed', { ...changes, method }, { resume: true });
        expect(sha256File(weightsOf('resumed')), `${method}, resumed at ${step}`).toBe(whole);
        const logged = events('resumed').filter((event) => event.type === 'step');
        expect(logged.map((event) => event.step)).toEqual([2, 4, 6, 8]);
      }
      rmSync(at('kept'), { recursive: true });
    }
  });

  it('saves on Ctrl-C at a step that is no checkpoint, and goes on from there', async () => {
    const changes = { steps: 9, checkpointEvery: 0 };
    await train('straight', changes);
    let sent = false;
    const stream = {
      // The first step is shown at once: the signal comes while it ends.
      write(text: string) {
        if (!sent && text.includes('1/9')) sent = process.emit('SIGINT', 'SIGINT');
        return true;
      },
    };
    const { interrupted, steps, folder } = await train('stopped', changes, { stream });
    expect([interrupted, folder]).toEqual([true, undefined]);
    expect(steps).toBeLessThan(9);
    expect(events('stopped').at(-1)).toMatchObject({ type: 'end', reason: 'interrupted', step: steps });
    await train('stopped', changes, { resume: true });
    expect(sha256File(weightsOf('stopped'))).toBe(sha256File(weightsOf('straight')));
  });
});

it('goes on with the images it was started with, wherever they are, and with no others', async () => {
  cpSync(at('images'), at('own'), { recursive: true });
  const changes = { data: at('own'), steps: 3 };
  await train('before', changes);
  const { sha256 } = RunFolder.open(at('before')).inputs['data']!;
  const resume = (data: string) => {
    rmSync(at('before', 'model'), { recursive: true, force: true });
    return train('before', { ...changes, data }, { resume: true });
  };
  const refused = async (data = at('own')) => {
    const error = await resume(data).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'input-changed' });
    expect((error as UserError).message).toContain(`data was ${at('own')} (SHA-256 ${sha256.slice(0, 12)}…, `);
  };
  cpSync(at('own', 'bar', '1.png'), at('own', 'bar', 'x.png')); // one more
  await refused();
  rmSync(at('own', 'bar', 'x.png'));
  const kept = readFileSync(at('own', 'bar', '1.png'));
  cpSync(at('own', 'bar', '2.png'), at('own', 'bar', '1.png')); // another in its place
  await refused();
  writeFileSync(at('own', 'bar', '1.png'), kept);
  renameSync(at('own', 'bar'), at('own', 'beam')); // a class of another name
  await refused();
  renameSync(at('own', 'beam'), at('own', 'bar'));
  await refused(`${at('own')}/bar`);
  renameSync(at('own'), at('moved'));
  const { folder } = await resume(`${at('moved')}/./`);
  expect(new Artefact(folder!).lineage()!.data).toEqual([{ name: expect.stringContaining('moved all'), sha256 }]);
});

it('gives the same bytes for the same seed, and other bytes for another', async () => {
  for (const [name, seed] of [['one', 0], ['two', 0], ['three', 1]] as const) await train(name, { seed, steps: 3 }); // biome-ignore format: pairs
  expect(sha256File(weightsOf('two'))).toBe(sha256File(weightsOf('one')));
  expect(sha256File(weightsOf('three'))).not.toBe(sha256File(weightsOf('one')));
});

it('says which network diverged at which step, and never saves what is not finite', async () => {
  const error: UserError = await train('diverges', { learningRate: 1e5, method: 'wgan-gp' }).catch((caught) => caught);
  expect(error.code).toBe('diverged');
  expect(error.message).toMatch(
    /diverged at step \d+: .*discriminator: the weight of convolutions.0.weight holds \d+ NaN/,
  );
  expect(events('diverges').at(-1)).toMatchObject({ type: 'end', reason: 'failed', step: error.fields['step'] });
  expect(existsSync(at('diverges', 'model'))).toBe(false);
  const folder = at('diverges', 'checkpoints');
  expect(existsSync(folder) ? readdirSync(folder).length : 0).toBe(Number(error.fields['step']) - 1);
});

describe('bad input', () => {
  it.each([
    ['no such data', { data: 'mnst' }, /no data set "mnst"\n.*Did you mean "mnist"/],
    ['a folder that is not there', { data: './nowhere' }, /nowhere/],
    ['a size no network has', { size: 12 }, /12/],
    ['a decay that never begins', { decayFrom: 8 }, /decayFrom \(8\) should be below steps \(8\)/],
    [
      'a normalization the ResNet lacks',
      { architecture: 'resnet', size: 32, method: 'layer-norm' },
      /no layer normalization/,
    ],
    ['a device that is none', { device: 'gpu' }, /device: expected cpu, cuda or cuda:N, got "gpu"/],
    ['too large batches', { batchSize: 2 ** 28 }, /will need about .* of memory.*\n.*batchSize/],
  ] as const)('refuses %s before anything is written', async (_, changes, message) => {
    await expect(train('refused', changes as Partial<GanInput>)).rejects.toThrow(message);
    expect(existsSync(at('refused'))).toBe(false);
  });

  it('does not overwrite a run, nor go on with other settings', async () => {
    await expect(train('whole', { emaDecay: 0.5, conditional: true })).rejects.toThrow(/already holds a run/);
    await expect(train('whole', { emaDecay: 0.7, conditional: true }, { resume: true })).rejects.toThrow(ConfigError);
  });
});
