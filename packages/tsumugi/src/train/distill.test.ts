// Distillation: that it learns from its teacher, each setting reaches the arithmetic, resumes exactly, and what it refuses.
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requires } from '../../../../tests/requires.testing.ts';
import { expectOverSeeds } from '../base/base.testing.ts';
import { sha256File } from '../base/index.ts';
import { initialWeights, loadModel, Plamo2, preset, saveModel } from '../lm/index.ts';
import { namedParameters } from '../nn/index.ts';
import { readEvents } from '../run/index.ts';
import { Artefact, openSafetensors } from '../store/index.ts';
import { readTokenizerFiles, writeTokenizer } from '../text/index.ts';
import { multipliesBfloat16, NO_BFLOAT16 } from '../torch/torch.testing.ts';
import { distill } from './distill.ts';
import { type DistillInput, distillConfig } from './distill-config.ts';
import { planDistill } from './plan-model.ts';
import { pretrain } from './pretrain.ts';
import { silent, type TinySetup, tinyModel, tinySetup } from './train.testing.ts';

let setup: TinySetup;
const at = (...names: string[]) => join(setup.folder, ...names);
const config = (name: string, changes: Partial<DistillInput> = {}) =>
  distillConfig.parse({
    teacher: at('teacher', 'model'),
    model: at('student'),
    data: at('data'),
    out: at(name),
    steps: 6,
    sequenceLength: 48,
    batchSize: 2,
    evaluateEvery: 0,
    checkpointEvery: 2,
    keepLast: 9,
    learningRate: 3e-3,
    ...changes,
  });
const run = (name: string, changes = {}, options = {}) =>
  distill(config(name, changes), { stream: silent, ...options });
const weightsOf = (name: string) => at(name, 'model', 'model.safetensors');
const stepsOf = (name: string) => readEvents(at(name, 'events.jsonl')).filter((event) => event.type === 'step');

function makeStudent(name: string, changes: Partial<typeof tinyModel> = {}, seed = 7): string {
  const shape = preset('mini', { ...tinyModel, hidden_size: 32, ...changes, vocab_size: 500 });
  using model = new Plamo2(shape, initialWeights(seed));
  saveModel(at(name), model, { tokenizerFolder: at('tokenizer') });
  return at(name);
}

beforeAll(async () => {
  setup = await tinySetup();
  await pretrain(setup.config('teacher', { steps: 60, batchSize: 4, evaluateEvery: 0, checkpointEvery: 0 }), {
    stream: silent,
  });
  makeStudent('student');
  await run('usual');
}, 120_000);
afterAll(() => setup[Symbol.dispose]());

describe('distill', () => {
  it('comes closer to the teacher than training on the text alone, at equal tokens', async () => {
    const nearer = async (seed: number) => {
      const of = { seed, steps: 30, batchSize: 4, checkpointEvery: 0, model: makeStudent(`student-${seed}`, {}, seed) };
      const [taught, alone] = [
        await run(`taught-${seed}`, of),
        await run(`alone-${seed}`, { ...of, logitWeight: 0, languageWeight: 1 }),
      ];
      return Math.log(taught.after!.kl! / alone.after!.kl!);
    };
    await expectOverSeeds(nearer, { below: 0 });
  }, 120_000);

  it('leaves a student that is its teacher as it is', async () => {
    for (const changes of [
      {},
      { divergence: 'reverse' },
      { topK: 5, temperature: 2 },
      { logitWeight: 0, hiddenWeight: 1 },
    ] as const) {
      const name = `same-${Object.keys(changes).join('-')}`;
      const { before } = await run(name, { model: at('teacher', 'model'), weightDecay: 0, steps: 2, ...changes });
      expect(before!.kl).toBe(0);
      expect(stepsOf(name).map(({ loss, gradNorm }) => [loss, gradNorm])).toEqual([[0, 0], [0, 0]]); // biome-ignore format: a table
      expect(sha256File(weightsOf(name))).toBe(sha256File(weightsOf('teacher')));
    }
  }, 60_000);

  // A setting that did nothing would give the bytes of the usual run.
  it.each([
    {},
    { divergence: 'reverse' },
    { divergence: 'jensen-shannon' },
    { divergence: 'jensen-shannon', beta: 0.1 },
    { temperature: 2 },
    { topK: 4 },
    { languageWeight: 0.5 },
    { languageWeight: 0.5, zLoss: 0.1 },
    { hiddenWeight: 1 },
    { hiddenWeight: 2 },
    { hiddenWeight: 1, hiddenLayers: [[0, 1]] },
    { logitWeight: 0.5, languageWeight: 0.5 },
    { predictEnd: true },
    { seed: 1 },
    { gradientAccumulation: 2 },
  ] as const)('hears $0', async (changes) => {
    const name = `hears-${JSON.stringify(changes)}`;
    await run(name, { ...changes, steps: 2, checkpointEvery: 0 } as Partial<DistillInput>);
    const found = sha256File(weightsOf(name));
    expect(seen.get(found)).toBeUndefined();
    seen.set(found, name);
  });
  const seen = new Map<string, string>();

  it('is the same in micro-batches and with layers recomputed, but for rounding', async () => {
    await run('in-parts', { batchSize: 1, gradientAccumulation: 2, hiddenWeight: 1, languageWeight: 1 });
    await run('at-once', { hiddenWeight: 1, languageWeight: 1, activationCheckpointing: true });
    const [a, b] = ['in-parts', 'at-once'].map((name) => stepsOf(name).map(({ loss }) => loss));
    for (const [i, loss] of a!.entries()) expect(loss).toBeCloseTo(b![i]!, 4);
  });

  it('logs each term, and the loss as their weighted sum', async () => {
    await run('terms', { logitWeight: 0.5, languageWeight: 0.25, hiddenWeight: 3 });
    for (const { loss, metrics } of stepsOf('terms')) {
      const { divergence, crossEntropy, hidden } = metrics as Record<string, number>;
      expect(loss as number).toBeCloseTo(0.5 * divergence! + 0.25 * crossEntropy! + 3 * hidden!, 4);
    }
  });

  it('matches hidden states across widths by projections that are trained and not saved', async () => {
    await run('projected', { logitWeight: 0, hiddenWeight: 1, steps: 12, learningRate: 1e-2 });
    const losses = stepsOf('projected').map(({ loss }) => loss);
    expect(losses.at(-1)!).toBeLessThan(losses[0]! / 2);
    using saved = loadModel(at('projected', 'model'));
    expect(namedParameters(saved).filter(([name]) => name.startsWith('projections'))).toEqual([]);
    const [last] = readdirSync(at('projected', 'checkpoints')).sort().reverse();
    const held = readdirSync(at('projected', 'checkpoints', last!)).filter((file) => file.includes('model'));
    expect(openSafetensors(at('projected', 'checkpoints', last!, held[0]!)).names).toContain('projections.0.weight');
  });

  it('turns hidden states of equal widths by their cosine', async () => {
    const model = makeStudent('as-wide', { hidden_size: 48 });
    await run('cosine', { model, logitWeight: 0, hiddenWeight: 1, hiddenLoss: 'cosine' });
    const [first] = stepsOf('cosine');
    expect(first!.loss).toBeGreaterThan(0.1);
    expect(first!.loss).toBeLessThan(2);
    expect(stepsOf('cosine').at(-1)!.loss).toBeLessThan(first!.loss as number);
  });

  it('resumes bit for bit, projections included', async () => {
    const all = { hiddenWeight: 1, languageWeight: 0.3, topK: 8 };
    await run('long', all);
    for (const step of [2, 4]) {
      const name = `resumed-${step}`;
      cpSync(at('long'), at(name), { recursive: true });
      rmSync(at(name, 'model'), { recursive: true });
      for (const entry of readdirSync(at(name, 'checkpoints')))
        if (entry !== `step-${String(step).padStart(9, '0')}`)
          rmSync(at(name, 'checkpoints', entry), { recursive: true });
      await run(name, all, { resume: true });
      expect(sha256File(weightsOf(name))).toBe(sha256File(weightsOf('long')));
    }
  });

  it('writes where the student comes from', async () => {
    const { parents, data, stage } = new Artefact(at('usual', 'model')).lineage()!;
    expect(stage).toBe('distill');
    const hashes = [at('student'), at('teacher', 'model')].map((folder) => new Artefact(folder).hash());
    expect(parents!.map(({ sha256 }) => sha256)).toEqual(await Promise.all(hashes));
    expect(data).toHaveLength(1);
  });

  it(
    'computes the teacher in bfloat16, near to what it says in float32',
    requires(multipliesBfloat16(), NO_BFLOAT16),
    async () => {
      const exact = stepsOf('usual')[0]!.loss as number;
      await run('bfloat16', { teacherDtype: 'bfloat16', steps: 2 });
      const loss = stepsOf('bfloat16')[0]!.loss as number;
      expect(loss).not.toBe(exact);
      expect(Math.abs(loss - exact)).toBeLessThan(0.02 * exact);
    },
  );

  it('forecasts the teacher too', async () => {
    let shown = '';
    const write = (text: string) => {
      shown += text;
      return true;
    };
    const forecast = await planDistill(config('planned'), { stream: { write } });
    expect(forecast.memory.map(({ what }) => what)).toContain("the teacher's weights");
    expect(forecast.steps).toBe(6);
    expect(shown).toMatch(/teacher: .*2 layers of width 48, in float32/);
  });
});

describe('distill refuses', () => {
  it.each([
    [{ logitWeight: 0 }, /all 0: there is nothing to learn from/],
    [{ topK: 501 }, /topK is 501, but the vocabulary has 500 tokens/],
    [{ beta: 0.3 }, /beta has no effect with the divergence forward/],
    [{ logitWeight: 0, languageWeight: 1, temperature: 2 }, /temperature has no effect with logitWeight 0/],
    [{ logitWeight: 0, languageWeight: 1, divergence: 'reverse' }, /divergence has no effect with logitWeight 0/],
    [{ logitWeight: 0, hiddenWeight: 1, topK: 4 }, /topK has no effect with logitWeight 0/],
    [{ hiddenLayers: [[0, 0]] }, /hiddenLayers has no effect with hiddenWeight 0/],
    [{ zLoss: 0.1 }, /zLoss has no effect with languageWeight 0/],
    [{ hiddenLoss: 'cosine' }, /hiddenLoss has no effect with hiddenWeight 0/],
    [{ hiddenWeight: 1, hiddenLoss: 'cosine' }, /compares equal widths, but the student's is 32 and the teacher's 48/],
    [{ hiddenWeight: 1, hiddenLayers: [[0, 2]] }, /the teacher has no layer 2, only 0 to 1/],
    [{ teacher: '/nowhere/教師' }, /\/nowhere\/教師/],
  ] as const)('%o', async (changes, problem) => {
    await expect(run('refused', changes)).rejects.toThrow(problem);
    expect(readdirSync(setup.folder)).not.toContain('refused');
  });

  it('a teacher of another tokenizer or vocabulary', async () => {
    cpSync(at('teacher', 'model'), at('foreign'), { recursive: true });
    const { pieces } = readTokenizerFiles(at('tokenizer'));
    const changed = pieces.map((piece, i) => (i === pieces.length - 1 ? { ...piece, text: '別の片' } : piece));
    writeTokenizer(at('foreign'), changed);
    await expect(run('refused', { teacher: at('foreign') })).rejects.toThrow(/has another tokenizer than the student/);
    cpSync(at('student'), at('larger'), { recursive: true });
    const shape = JSON.parse(readFileSync(at('larger', 'config.json'), 'utf8'));
    writeFileSync(at('larger', 'config.json'), JSON.stringify({ ...shape, vocab_size: 512 }));
    await expect(run('refused', { model: at('larger') })).rejects.toThrow(
      /a vocabulary of 512 tokens, the teacher of 500/,
    );
  });
});
