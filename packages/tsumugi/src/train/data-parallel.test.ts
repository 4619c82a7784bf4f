// Training over ranks: whatever the world, the same batches and the same training; of one world, the same bits every time.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { inTime } from '../base/thorough.testing.ts';
import { preset } from '../lm/index.ts';
import { runRanks } from '../mesh/ranks.testing.ts';
import { toldMesh } from '../mesh/told-mesh.testing.ts';
import { readEvents } from '../run/index.ts';
import { openCorpus, openTokenizer, prepare } from '../text/index.ts';
import { extendConfig } from './extend-config.ts';
import { pretrain } from './pretrain.ts';
import { rankMemory } from './scale/rank-memory.ts';
import { silent, type TinySetup, tinyModel, tinySetup } from './train.testing.ts';

const script = fileURLToPath(new URL('ranks.testing.ts', import.meta.url));
let setup: TinySetup;
beforeAll(async () => {
  setup = await tinySetup();
});
afterAll(() => setup[Symbol.dispose]());

// Rows that no number of ranks here divides into the micro-batches of one process. A higher learning rate makes training itself unsteady:
// with 3e-3 the rounding of one step grows to 1e-3 of the loss within fifty.
const steps = inTime(40, 100);
const settings = { steps, batchSize: 6, evaluateEvery: steps / 2, checkpointEvery: 0, learningRate: 1e-3 };
/** To be trained twice. */
const few = { steps: inTime(8, 20), evaluateEvery: 0, learningRate: 3e-3 };

const modelConfig = preset('mini', { ...tinyModel, vocab_size: 500 });
const shape = { sequenceLength: 48, batchSize: settings.batchSize, activationCheckpointing: false };

/** The same ranks run one training after another: starting them takes longer than a short training. */
async function train(world: number, trainings: Readonly<Record<string, object>>) {
  const configs = Object.entries(trainings).map(([name, changes]) => setup.config(name, { ...settings, ...changes }));
  const results = await runRanks(script, world, { args: ['pretrain', ...configs.map((each) => JSON.stringify(each))] });
  for (const { code, stderr } of results) expect(code, stderr).toBe(0);
  return configs.map(({ out }, i) => {
    const events = readEvents(join(out, 'events.jsonl'));
    return {
      results: results.map(({ stdout }) => JSON.parse(stdout.split('\n')[i]!)),
      stderr: results.map(({ stderr }) => stderr),
      steps: events.filter((event) => event.type === 'step'),
      evaluations: events.filter((event) => event.type === 'evaluation').map(({ metrics }) => metrics),
      model: readFileSync(join(out, 'model', 'model.safetensors')),
    };
  });
}
type Trained = Awaited<ReturnType<typeof train>>[number];

let once: Trained;
it('gives the losses of one process, whatever the world', async () => {
  const [alone] = (await train(1, { alone: {} })) as [Trained];
  expect(alone.steps).toHaveLength(steps);
  expect(alone.steps[steps - 1]!.loss).toBeLessThan(alone.steps[0]!.loss! - 0.5);
  for (const world of inTime([2, 3], [2, 3, 4])) {
    const [over, other] = await train(world, { [`over-${world}`]: {}, ...(world === 3 && { once: few }) });
    once ??= other!;
    if (!over) throw new Error('nothing was trained');
    const distances = over.steps.map(({ loss }, i) => Math.abs(loss! / alone.steps[i]!.loss! - 1));
    expect(Math.max(...distances)).toBeLessThan(1e-6);
    expect(over.steps[0]!.gradNorm! / alone.steps[0]!.gradNorm! - 1).toBeCloseTo(0, 6);
    expect(over.steps.map(({ tokens }) => tokens)).toEqual(alone.steps.map(({ tokens }) => tokens));
    for (const [i, { crossEntropy, bitsPerCharacter }] of alone.evaluations.entries()) {
      expect(over.evaluations[i]!['crossEntropy']! / crossEntropy! - 1).toBeCloseTo(0, 6);
      expect(over.evaluations[i]!['bitsPerCharacter']! / bitsPerCharacter! - 1).toBeCloseTo(0, 6);
    }
    // Every rank has the same result, the first one alone says something.
    for (const { before, after, losses } of over.results) {
      expect(before).toEqual(over.results[0].before);
      expect(after).toEqual(over.results[0].after);
      expect(losses).toEqual(over.steps.map(({ loss }) => loss));
    }
    // The forecast is of one rank, and holds.
    expect(over.stderr[0]).toMatch(new RegExp(`^pretrain: .*\n.*\n.*\n +of each of ${world} ranks: weights`, 'm'));
    const { runtime, ...held } = rankMemory(modelConfig, shape, { world, shard: 'none' });
    const forecast = Object.values(held).reduce((sum, bytes) => sum + bytes, 0);
    expect(runtime).toBeGreaterThan(0);
    expect(over.steps[steps / 2]!.memoryBytes! / forecast, `memory of world ${world}`).toBeGreaterThan(0.8);
    expect(over.steps[steps / 2]!.memoryBytes! / forecast, `memory of world ${world}`).toBeLessThan(1.2);
    expect(over.stderr.slice(1)).toEqual(Array(world - 1).fill(''));
  }
}, 300_000);

it('gives the same bits each time, of one world', async () => {
  // In processes of their own.
  const [again] = (await train(3, { again: few })) as [Trained];
  expect(again.steps).toHaveLength(few.steps);
  expect(again.steps.map(({ loss }) => loss)).toEqual(once.steps.map(({ loss }) => loss));
  expect(again.model.equals(once.model)).toBe(true);
}, 300_000);

it('refuses ranks that would train something else, on all of them and before anything is written', async () => {
  const first = setup.config('differ', { ...settings, ...few, steps: 1 });
  const start = async (other: object, task = 'pretrain', own: { out: string } = first) => {
    const ranks = await runRanks(script, 2, { args: [task, JSON.stringify([own, { ...own, ...other }])] });
    expect(ranks.map(({ code }) => code)).not.toContain(0);
    for (const { stderr } of ranks) expect(stderr).toMatch(/rank 1 on .* has other settings or data than rank 0 on /);
    expect(existsSync(first.out)).toBe(false);
    return ranks[0]!.stderr;
  };
  // A rank that shares its rows meets others before the first step: it is refused sooner.
  const long = extendConfig.parse({
    model: join(setup.folder, 'once/model'),
    mix: [{ data: first.data }],
    phases: [{ sequenceLength: 32, steps: 1, batchSize: 2 }],
    out: first.out,
  });
  expect(await start({ ranksPerRow: 2 }, 'extend', long)).toMatch(/: ranksPerRow 1 → 2/);
  expect(await start({ learningRate: 0.5, seed: 7 })).toMatch(/: learningRate 0\.003 → 0\.5, seed 0 → 7/);
  // Paths may differ, what lies there may not.
  const { tokenizer: encoder, sha256: tokenizerHash } = openTokenizer(first.tokenizer);
  const data = join(setup.folder, 'other-data');
  const corpus = openCorpus([join(setup.folder, 'text.txt')], { documentCharacters: 800 });
  await prepare(corpus, data, { encoder, tokenizerHash, seed: 1, heldOutFraction: 0.15 });
  expect(await start({ data })).toMatch(/: data "[0-9a-f]{12}" → "[0-9a-f]{12}"$/m);
}, 120_000);

it('gives all ranks the weights of the first before they learn anything', async () => {
  const mesh = toldMesh(0, 2);
  const allReduce: typeof mesh.allReduce = (own, operation) => {
    if (own.dtype === 'float32') throw new Error('the first gradients');
    return mesh.allReduce(own, operation);
  };
  const config = setup.config('told', { ...few, evaluateEvery: 0 });
  const training = pretrain(config, { mesh: { ...mesh, allReduce }, stream: silent });
  await expect(training).rejects.toThrow('the first gradients');
  const parameters = Number(
    JSON.parse(readFileSync(join(config.out, 'events.jsonl'), 'utf8').split('\n')[0]!).parameters,
  );
  const sizes = mesh.begun.map((each) => Number(/^broadcast of 0 (\d+)$/.exec(each)![1]));
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(parameters);
});

it('counts the memory of a machine for all of its ranks', async () => {
  vi.spyOn(process, 'availableMemory').mockReturnValue(1e6);
  const available = async (hosts: string[]) => {
    const options = { mesh: { ...toldMesh(1, 3), hosts }, stream: silent };
    const error = await pretrain(setup.config('none', few), options).catch((thrown) => thrown);
    expect(error).toMatchObject({ code: 'not-enough-memory' });
    return error.fields.available;
  };
  try {
    expect(await available(['a', 'b', 'c'])).toBe(1e6);
    expect(await available(['a', 'b', 'b'])).toBe(5e5);
    expect(await available(['a', 'b', 'a'])).toBe(1e6);
  } finally {
    vi.restoreAllMocks();
  }
});
