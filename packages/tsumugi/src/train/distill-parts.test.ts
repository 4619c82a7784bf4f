// A distillation before it is run: what each part of it gives, taken one by one.
import { appendFileSync, cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withFree } from '../base/free-disk.testing.ts';
import { contentHash } from '../base/index.ts';
import {
  initialWeights,
  loadModel,
  Plamo2,
  type Plamo2Config,
  parameterTable,
  preset,
  saveModel,
} from '../lm/index.ts';
import { solo } from '../mesh/index.ts';
import { inputAt } from '../run/index.ts';
import { Artefact, openSafetensors, writeSafetensors } from '../store/index.ts';
import { EvaluationBatches, openTokenizer, TokenShards } from '../text/index.ts';
import { noGrad, scope, type Tensor } from '../torch/index.ts';
import { toTensors } from './batches.ts';
import { distillation } from './distill.ts';
import { type DistillInput, distillConfig } from './distill-config.ts';
import { modelFlops, trainingFlops } from './flops.ts';
import { teacherFactor, teacherMemory } from './index.ts';
import { type LogitsInput, logitsConfig } from './logits-config.ts';
import { logitsSpace } from './logits-forecast.ts';
import { logitsFile, readLogitsManifest } from './logits-manifest.ts';
import { precomputeLogits } from './precompute-logits.ts';
import type { Student } from './student.ts';
import { type TinySetup, tinyModel, tinySetup } from './train.testing.ts';

let setup: TinySetup;
const at = (...names: string[]) => join(setup.folder, ...names);
const shape = (hidden: number): Plamo2Config => preset('mini', { ...tinyModel, hidden_size: hidden, vocab_size: 500 });

function makeModel(name: string, hidden: number, seed: number): void {
  using model = new Plamo2(shape(hidden), initialWeights(seed));
  noGrad(() => scope(() => void model.headWeight!.mul_(20)));
  saveModel(at(name), model, { tokenizerFolder: at('tokenizer') });
}

beforeAll(async () => {
  setup = await tinySetup();
  makeModel('teacher', 48, 3);
  makeModel('student', 32, 7);
  await precomputeLogits(logits('logits'));
}, 60_000);
afterAll(() => setup[Symbol.dispose]());

const rows = { steps: 3, sequenceLength: 48, batchSize: 2, evaluateTokens: 300 };
/** Of the logits: batches of held-out text, which come after the steps. */
const heldOutBatches = () => readLogitsManifest(at('logits')).heldOutBatches;
const config = (changes: Partial<DistillInput> = {}) =>
  distillConfig.parse({
    ...{ teacher: at('teacher'), model: at('student'), data: at('data'), out: at('out'), ...rows },
    ...changes,
  });
const logits = (name: string, changes: Partial<LogitsInput> = {}) =>
  logitsConfig.parse({ teacher: at('teacher'), data: at('data'), out: at(name), topK: 6, ...rows, ...changes });
const fromDisk = (folder: string) => config({ teacher: undefined, teacherLogits: at(folder), topK: 6 });

/** The first step of a distillation. */
async function firstStep(changes: Partial<DistillInput>, onPart?: (path: string, output: Tensor) => void) {
  using task = await distillation(config(changes));
  using model = task.makeModel(false);
  return task.gradients(model, { onPart: onPart && (() => onPart) })(0);
}

describe('a step', () => {
  const hidden = { model: '', logitWeight: 0, hiddenWeight: 1 } as const;
  const compared = async (pairs: [number, number][]) =>
    (await firstStep({ ...hidden, model: at('teacher'), hiddenLayers: pairs })).loss;

  it('compares layers with those of the teacher that it is told, and takes the mean of several', async () => {
    // The student is the teacher: equal layers are equal.
    expect(await compared([[1, 1]])).toBe(0);
    const [up, down] = [await compared([[0, 1]]), await compared([[1, 0]])];
    expect(up).toBeGreaterThan(0.01);
    expect(down).toBeCloseTo(up, 5); // the same two outputs
    expect(await compared([[0, 1], [1, 1]])).toBeCloseTo(up / 2, 5); // biome-ignore format: pairs
  });

  it('logs the cross-entropy without the z-loss', async () => {
    const [plain, with01] = [
      await firstStep({ logitWeight: 0, languageWeight: 1 }),
      await firstStep({ logitWeight: 0, languageWeight: 1, zLoss: 0.1 }),
    ];
    expect(with01.metrics['crossEntropy']).toBeCloseTo(plain.metrics['crossEntropy']!, 6);
    expect(plain.loss).toBeCloseTo(plain.metrics['crossEntropy']!, 6);
    expect(with01.loss).toBeGreaterThan(plain.loss + 0.1);
  });

  it('shows what parts of the student give', async () => {
    const seen = new Set<string>();
    await firstStep({ hiddenWeight: 1 }, (path, output) => {
      expect(output.size(-1)).toBe(32);
      seen.add(path);
    });
    expect([...seen]).toEqual(expect.arrayContaining(['model.layers.layers.0', 'model.layers.layers.1']));
  });

  it('is refused when kept logits are of other rows', async () => {
    cpSync(at('logits'), at('other rows'), { recursive: true });
    const path = at('other rows', logitsFile(0, rows));
    {
      using file = openSafetensors(at('logits', logitsFile(0, rows)));
      const tensors = file.names.map((name) => [name, file.tensor(name)] as const);
      writeSafetensors(path, tensors, { format: 'pt', rows: 'of another version' });
      for (const [, tensor] of tensors) tensor.dispose();
    }
    const manifest = JSON.parse(readFileSync(at('other rows', 'manifest.json'), 'utf8'));
    manifest.files[0] = await contentHash(path);
    writeFileSync(at('other rows', 'manifest.json'), JSON.stringify(manifest));
    using task = await distillation(fromDisk('other rows'));
    using model = task.makeModel(false);
    const gradients = task.gradients(model, {});
    expect(() => gradients(0)).toThrow(/holds logits of other rows at step 1/);
    expect(gradients(1).loss).toBeGreaterThan(0);
  });
});

describe('the student', () => {
  it('has projections of the seed, which keep the size of what they are given', async () => {
    const projection = async (seed: number): Promise<number[]> => {
      using task = await distillation(config({ hiddenWeight: 1, seed }));
      using model = task.makeModel(false) as Student;
      const [weight] = model.projections.map((each) => each.weight);
      expect(weight!.shape).toEqual([48, 32]);
      return scope(() => weight!.detach().reshape([-1]).tolist() as number[]);
    };
    const [first, again, other] = [await projection(0), await projection(0), await projection(1)];
    expect(again).toEqual(first);
    expect(other).not.toEqual(first);
    // 32 inputs of variance 1/32 each; 1,536 draws, so within some 8 % (4 standard errors) of it.
    const variance = first.reduce((sum, each) => sum + each * each, 0) / first.length;
    expect(Math.abs(variance * 32 - 1)).toBeLessThan(0.15);
  });

  it('is the model that was hashed', async () => {
    cpSync(at('student'), at('changing'), { recursive: true });
    using task = await distillation(config({ model: at('changing') }));
    const path = at('changing', 'model.safetensors');
    const bytes = readFileSync(path);
    bytes[bytes.length - 1]! ^= 1;
    writeFileSync(path, bytes);
    expect(() => task.makeModel(false)).toThrow(/was changed while it was in use/);
  });
});

it('measures the divergence from the teacher for each predicted token, on as much text as is asked for', async () => {
  const evaluateTokens = 700;
  using task = await distillation(config({ evaluateTokens }));
  using model = task.makeModel(false);
  const found = (await task.evaluate(model, { step: 0, at: 'before' }, async () => {}, solo)) as {
    kl: number;
    predicted: number;
  };
  using teacher = loadModel(at('teacher'));
  using student = loadModel(at('student'));
  using shards = TokenShards.open(at('data'), { tokenizerHash: openTokenizer(at('tokenizer')).sha256 });
  const batches = new EvaluationBatches(shards, { sequenceLength: 48, batchSize: 2, maxTokens: evaluateTokens });
  let nats = 0;
  for (const batch of batches)
    scope(() =>
      noGrad(() => {
        const { ids, documents, targets } = toTensors(batch, 'cpu');
        const [p, q] = [teacher, student].map((each) =>
          each.logits(each.forward(ids, { documents })).double().logSoftmax(-1),
        ) as [Tensor, Tensor];
        nats += p.exp().mul(p.sub(q)).sum([-1]).mul(targets.ge(0)).sum().item();
      }),
    );
  expect(found.predicted).toBe(batches.predicted);
  expect(found.predicted).toBeLessThan(evaluateTokens);
  expect(found.kl / (nats / batches.predicted)).toBeCloseTo(1, 4);
});

describe('what is known beforehand', () => {
  it('is how long the steps that are left take with the teacher', async () => {
    using task = await distillation(config());
    const { time } = task.plan({ secondsPerStep: [2], start: 1 });
    expect(time.steps).toBe(2);
    const step = { ...rows, activationCheckpointing: false };
    // A forward is a third of the model's own operations.
    const factor = 1 + modelFlops(shape(48), step) / 3 / trainingFlops(shape(32), step);
    expect(time.secondsPerStep).toBeCloseTo(2 * factor, 9);
    const weights = { ...step, logitWeight: 0, hiddenWeight: 0 };
    expect(teacherFactor(shape(32), shape(48), weights)).toBe(1);
    const own = teacherFactor(shape(48), shape(48), { ...weights, logitWeight: 1 });
    expect(own).toBeGreaterThan(1.25);
    expect(own).toBeLessThan(1 + 1 / 3 + 1e-9);
  });

  it('is what the teacher takes, in its type', () => {
    const parameters = parameterTable(shape(48)).reduce((sum, each) => sum + each.parameters, 0);
    const weights = (teacherDtype: 'float32' | 'bfloat16') =>
      teacherMemory(shape(48), { ...rows, activationCheckpointing: false, teacherDtype })[0];
    expect(weights('float32')).toEqual({ what: "the teacher's weights", bytes: 4 * parameters });
    expect(weights('bfloat16')!.bytes).toBe(2 * parameters);
  });

  it('is what the run is of: the teacher, or what it said, by its content', async () => {
    const inputs = async (of: ReturnType<typeof config>) => {
      using task = await distillation(of);
      return task.inputs as Record<string, { sha256: string }>;
    };
    expect((await inputs(config()))['teacher']).toEqual(
      inputAt(at('teacher'), await new Artefact(at('teacher')).hash()),
    );
    cpSync(at('logits'), at('moved'), { recursive: true });
    await precomputeLogits(logits('hot', { temperature: 2 }));
    const [kept, moved] = [await inputs(fromDisk('logits')), await inputs(fromDisk('moved'))];
    expect(moved['teacherLogits']!.sha256).toBe(kept['teacherLogits']!.sha256);
    const hot = await inputs({ ...fromDisk('hot'), temperature: 2 });
    expect(hot['teacherLogits']!.sha256).not.toBe(kept['teacherLogits']!.sha256);
  });
});

describe('logits on disk', () => {
  const cut = new Error('cut off');
  const afterTwo = { onProgress: ({ done }: { done: number }) => { if (done === 2) throw cut; } }; // biome-ignore format: one line

  it('leave nothing but themselves, also after a cut in the middle of a file', async () => {
    await expect(precomputeLogits(logits('again'), afterTwo)).rejects.toBe(cut);
    writeFileSync(at('again.computing', `${logitsFile(2, rows)}.partial-12`), 'half'); // of a process that has ended
    appendFileSync(at('again.computing', 'done.txt'), 'abc'); // half a line
    await precomputeLogits(logits('again'));
    const files = Array.from({ length: 3 + heldOutBatches() }, (_, part) => logitsFile(part, rows));
    expect(readdirSync(at('again')).sort()).toEqual(['manifest.json', ...files].sort());
    expect(await contentHash(at('again'))).toBe(await contentHash(at('logits')));
  });

  it('need room for what is left', async () => {
    await expect(precomputeLogits(logits('tight'), afterTwo)).rejects.toBe(cut);
    const all = logitsSpace(shape(48), logits('tight'), heldOutBatches()).disk[0]!.bytes;
    const left = 1 - 2 / (3 + heldOutBatches()); // steps and batches are alike
    {
      using _ = withFree((left - 0.01) * all);
      await expect(precomputeLogits(logits('tight'))).rejects.toThrow(/of disk/);
    }
    using _ = withFree((left + 0.01) * all);
    expect((await precomputeLogits(logits('tight'))).computed).toBe(1);
  });

  it('are of the teacher that was hashed', async () => {
    cpSync(at('teacher'), at('changing teacher'), { recursive: true });
    const path = at('changing teacher', 'model.safetensors');
    const onProgress = ({ done }: { done: number }) => {
      if (done > 1) return;
      const bytes = readFileSync(path);
      bytes[bytes.length - 1]! ^= 1;
      writeFileSync(path, bytes);
    };
    const computed = precomputeLogits(logits('of changing', { teacher: at('changing teacher') }), { onProgress });
    await expect(computed).rejects.toThrow(/was changed while it was in use/);
    expect(readdirSync(setup.folder)).not.toContain('of changing');
  });

  it('are verified when they are asked for again', async () => {
    cpSync(at('logits'), at('spoiled'), { recursive: true });
    const path = at('spoiled', logitsFile(1, rows));
    const bytes = readFileSync(path);
    bytes[bytes.length - 1]! ^= 1;
    writeFileSync(path, bytes);
    await expect(precomputeLogits(logits('spoiled'))).rejects.toThrow(/is missing, cut off or changed/);
  });
});
