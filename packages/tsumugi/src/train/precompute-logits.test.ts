// A teacher's logits on disk: what they are, that a distillation from them is the one with the teacher bit for bit, that they go on
// where they were cut off, and what is refused.
import {
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requires } from '../../../../tests/requires.testing.ts';
import { contentHash, sha256File } from '../base/index.ts';
import { initialWeights, loadModel, Plamo2, preset, saveModel } from '../lm/index.ts';
import { readEvents } from '../run/index.ts';
import { Artefact, openSafetensors } from '../store/index.ts';
import { openTokenizer, TokenShards } from '../text/index.ts';
import { noGrad, scope, tensor } from '../torch/index.ts';
import { multipliesBfloat16, NO_BFLOAT16 } from '../torch/torch.testing.ts';
import { distill } from './distill.ts';
import { type DistillInput, distillConfig } from './distill-config.ts';
import { KeptLogits } from './kept-logits.ts';
import { type LogitsInput, logitsConfig } from './logits-config.ts';
import { logitsFile, readLogitsManifest } from './logits-manifest.ts';
import { packedSteps } from './packed-steps.ts';
import { planDistill } from './plan-model.ts';
import { planPrecomputeLogits, precomputeLogits } from './precompute-logits.ts';
import { silent, type TinySetup, tinyModel, tinySetup } from './train.testing.ts';

let setup: TinySetup;
const at = (...names: string[]) => join(setup.folder, ...names);
const rows = { steps: 3, sequenceLength: 48, batchSize: 2, topK: 6, evaluateTokens: 300 };
const logits = (name: string, changes: Partial<LogitsInput> = {}) =>
  logitsConfig.parse({ teacher: at('teacher'), data: at('data'), out: at(name), ...rows, ...changes });
const config = (name: string, changes: Partial<DistillInput> = {}) =>
  distillConfig.parse({
    model: at('student'),
    data: at('data'),
    out: at(name),
    ...rows,
    evaluateEvery: 2,
    checkpointEvery: 0,
    learningRate: 3e-3,
    ...changes,
  });
const run = (name: string, changes: Partial<DistillInput> = {}, options = {}) =>
  distill(config(name, changes), { stream: silent, ...options });
const weightsOf = (name: string) => sha256File(at(name, 'model', 'model.safetensors'));
const stepsOf = (name: string) =>
  readEvents(at(name, 'events.jsonl'))
    .filter((event) => event.type === 'step')
    .map(({ loss, gradNorm, metrics }) => ({ loss, gradNorm, metrics }));

function makeModel(name: string, hidden: number, seed: number): void {
  using model = new Plamo2(
    preset('mini', { ...tinyModel, hidden_size: hidden, vocab_size: 500 }),
    initialWeights(seed),
  );
  // Random weights say nearly nothing: a larger head makes some tokens likelier than others.
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

describe('the logits', () => {
  it('are the likeliest tokens of each prediction, their log-probabilities, and that of the rest', async () => {
    using teacher = loadModel(at('teacher'));
    using shards = TokenShards.open(at('data'), { tokenizerHash: openTokenizer(at('tokenizer')).sha256 });
    const { batch } = packedSteps(shards, config('none'));
    const { tokens, documents, rows: B, columns: T } = batch(1).batch;
    const shape = [B, T];
    const full = scope(() =>
      noGrad(() => {
        const ids = tensor(tokens, { shape, dtype: 'int64' });
        const hidden = teacher.forward(ids, { documents: tensor(documents, { shape }) });
        return [...(teacher.logits(hidden).double().contiguous().data() as Float64Array)];
      }),
    );
    using file = openSafetensors(at('logits', logitsFile(1, rows)));
    const read = (name: string) => scope(() => [...file.tensor(name).data()].map(Number));
    const [found, logs] = ['indices', 'logProbabilities'].map(read);
    expect([file.info('indices').shape, file.info('logProbabilities').shape]).toEqual([
      [B * T, 6],
      [B * T, 7],
    ]);
    for (const row of [0, 40, B * T - 1]) {
      const scores = full.slice(row * 500, (row + 1) * 500);
      const total = scores.reduce((sum, score) => sum + Math.exp(score), 0);
      const ranked = scores
        .map((score, i) => [Math.log(Math.exp(score) / total), i] as const)
        .sort(([a], [b]) => b - a);
      expect(found!.slice(row * 6, (row + 1) * 6)).toEqual(ranked.slice(0, 6).map(([, i]) => i));
      const rest = Math.log(ranked.slice(6).reduce((sum, [log]) => sum + Math.exp(log), 0));
      for (const [i, log] of [...ranked.slice(0, 6).map(([each]) => each), rest].entries())
        expect(logs![row * 7 + i]!).toBeCloseTo(log, 4);
    }
  });

  it('take the disk that was forecast', async () => {
    let shown = '';
    const write = (text: string) => {
      shown += text;
      return true;
    };
    const forecast = await planPrecomputeLogits(logits('planned'), { stream: { write } });
    const bytes = readdirSync(at('logits'))
      .filter((name) => name.endsWith('.safetensors'))
      .reduce((sum, name) => sum + readFileSync(at('logits', name)).length, 0);
    expect(Math.abs(forecast.disk[0]!.bytes / bytes - 1)).toBeLessThan(0.01);
    expect(forecast).toMatchObject({ steps: 3, tokens: 3 * 2 * 48 });
    expect(forecast.secondsPerStep).toBeGreaterThan(0);
    expect(shown).toMatch(/teacher's logits: 3 steps.*\n.*time.*\n.*memory/);
    expect(readdirSync(setup.folder).filter((name) => name.startsWith('planned'))).toEqual([]);
  });

  it('are refused before the first when the disk is too small', async () => {
    await expect(precomputeLogits(logits('huge', { steps: 1e10 }))).rejects.toThrow(/of disk.*lower topK or steps/s);
    expect(readdirSync(setup.folder).filter((name) => name.startsWith('huge'))).toEqual([]);
  });

  it('go on where they were cut off, to the same bytes', async () => {
    const cut = new Error('cut off');
    const stopAt = (last: number) => ({
      onProgress({ done }: { done: number }) {
        if (done === last) throw cut;
      },
    });
    await expect(precomputeLogits(logits('教師の値'), stopAt(1))).rejects.toBe(cut);
    expect(existsSync(at('教師の値'))).toBe(false);
    await expect(KeptLogits.open(at('教師の値'))).rejects.toThrow(/does not exist/);
    await expect(precomputeLogits(logits('教師の値', { temperature: 2 }))).rejects.toThrow(
      /temperature was 1 and is 2/,
    );
    await expect(precomputeLogits(logits('教師の値'), stopAt(2))).rejects.toBe(cut);
    truncateSync(at('教師の値.computing', logitsFile(1, rows)), 1000); // is made again
    const { computed, steps } = await precomputeLogits(logits('教師の値'));
    expect([computed, steps]).toEqual([2, 3]);
    expect(await contentHash(at('教師の値'))).toBe(await contentHash(at('logits')));
    expect(existsSync(at('教師の値.computing'))).toBe(false);
    expect((await precomputeLogits(logits('教師の値'))).computed).toBe(0);
    await expect(precomputeLogits(logits('教師の値', { steps: 4 }))).rejects.toThrow(/steps was 3 and is 4/);
  });

  it('are refused where something else is, and for all tokens', async () => {
    await expect(precomputeLogits(logits('data'))).rejects.toThrow(/manifest\.json does not hold what it should/);
    await expect(precomputeLogits(logits('student'))).rejects.toThrow(/student holds something else/);
    await expect(precomputeLogits(logits('none', { topK: 500 }))).rejects.toThrow(/topK is 500, but the vocabulary/);
  });
});

describe('distillation from disk', () => {
  // Each with logits of its own where the teacher's part differs.
  it.each([
    [{}, {}],
    [{ temperature: 2, topK: 3 }, { divergence: 'reverse' }],
    [
      { gradientAccumulation: 2, seed: 5 },
      { divergence: 'jensen-shannon', languageWeight: 0.5, predictEnd: true },
    ],
    [
      { batchSize: 3, sequenceLength: 61 },
      { logitWeight: 0.7, activationCheckpointing: true },
    ],
  ] as const)('gives the losses and the weights of the one with the teacher bit for bit: %o, %o', async (both, own) => {
    const name = JSON.stringify([both, own]);
    await precomputeLogits(logits(`logits ${name}`, both));
    const beside = await run(`with ${name}`, { teacher: at('teacher'), ...both, ...own });
    renameSync(at('teacher'), at('away')); // it is not looked at
    try {
      const found = await run(`from ${name}`, { teacherLogits: at(`logits ${name}`), ...both, ...own });
      // Of fewer outcomes, so less.
      for (const when of ['before', 'after'] as const) {
        expect(found[when]!.kl).toBeGreaterThan(0);
        expect(found[when]!.kl).toBeLessThan(beside[when]!.kl!);
      }
    } finally {
      renameSync(at('away'), at('teacher'));
    }
    expect(stepsOf(`from ${name}`)).toHaveLength(3);
    expect(stepsOf(`from ${name}`)).toEqual(stepsOf(`with ${name}`));
    expect(weightsOf(`from ${name}`)).toBe(weightsOf(`with ${name}`));
    const [from, other] = [`from ${name}`, `with ${name}`].map((each) => new Artefact(at(each, 'model')).lineage()!);
    expect(from!.parents.map(({ sha256 }) => sha256)).toEqual(other!.parents.map(({ sha256 }) => sha256));
  });

  // All other tokens are one: nothing is joined, so that the divergence is the one over all tokens.
  it('has the KL on held-out text of the one with the teacher, at T = 1 whatever is learned', async () => {
    const both = { temperature: 2, topK: 499 };
    await precomputeLogits(logits('nearly all', both));
    const [beside, found] = [
      await run('with nearly all', { teacher: at('teacher'), ...both }),
      await run('from nearly all', { teacherLogits: at('nearly all'), ...both }),
    ];
    expect(found.before!.kl! / beside.before!.kl!).toBeCloseTo(1, 4);
    expect(found.after!.kl! / beside.after!.kl!).toBeCloseTo(1, 4);
    expect(found.after!.kl! / found.before!.kl!).toBeLessThan(0.999);
  });

  it('also with a teacher in bfloat16', requires(multipliesBfloat16(), NO_BFLOAT16), async () => {
    const half = { teacherDtype: 'bfloat16' } as const;
    await precomputeLogits(logits('half', half));
    await run('with half', { teacher: at('teacher'), ...half });
    await run('from half', { teacherLogits: at('half'), ...half });
    expect(weightsOf('from half')).toBe(weightsOf('with half'));
  });

  it('takes fewer steps than there are, and goes on from a checkpoint bit for bit', async () => {
    const kept = { teacherLogits: at('logits'), schedule: 'constant', checkpointEvery: 1, keepLast: 9 } as const;
    await run('whole', kept);
    await run('part', { ...kept, steps: 2 });
    await run('part', kept, { resume: true });
    expect(weightsOf('part')).toBe(weightsOf('whole'));
  });

  it('forecasts no teacher', async () => {
    let shown = '';
    const write = (text: string) => {
      shown += text;
      return true;
    };
    const { memory } = await planDistill(config('planned', { teacherLogits: at('logits') }), { stream: { write } });
    expect(memory.map(({ what }) => what).join()).not.toMatch(/teacher/);
    expect(shown).toMatch(/teacher: what it said in .*logits, 6 tokens of each prediction/);
  });
});

it('a teacher whose numbers are none is refused, with and without its logits on disk', async () => {
  using model = loadModel(at('teacher'), { dtype: 'float32' });
  scope(() => void model.parameters()[5]!.detach().fill_(Number.NaN));
  saveModel(at('broken'), model, { tokenizerFolder: at('tokenizer') });
  const problem = { code: 'not-finite', message: expect.stringMatching(/the teacher reads the text with numbers/) };
  await expect(precomputeLogits(logits('of broken', { teacher: at('broken') }))).rejects.toMatchObject(problem);
  expect(existsSync(at('of broken'))).toBe(false);
  await expect(run('from broken', { teacher: at('broken') })).rejects.toMatchObject(problem);
});

describe('distillation from disk refuses', () => {
  const refused = (changes: Partial<DistillInput>, problem: RegExp) =>
    expect(run('refused', { teacherLogits: at('logits'), ...changes })).rejects.toThrow(problem);
  afterAll(() => expect(readdirSync(setup.folder)).not.toContain('refused'));

  it.each([
    [{ topK: 5 }, /topK was 6 and is 5/],
    [{ topK: undefined }, /topK was 6 and is all tokens/],
    [{ temperature: 2 }, /temperature was 1 and is 2/],
    [{ sequenceLength: 24 }, /sequenceLength was 48 and is 24/],
    [{ batchSize: 1, gradientAccumulation: 2 }, /batchSize was 2 and is 1; gradientAccumulation was 1 and is 2/],
    [{ seed: 9 }, /seed was 0 and is 9/],
    [{ steps: 4 }, /steps was 3 and is 4/],
    [{ evaluateTokens: 200 }, /evaluateTokens was 300 and is 200/],
    [{ teacherDtype: 'bfloat16' }, /teacherDtype was float32 and is bfloat16/],
    [{ hiddenWeight: 1 }, /hiddenWeight needs the teacher itself/],
    [{ logitWeight: 0, languageWeight: 1, topK: undefined }, /teacherLogits has no effect with logitWeight 0/],
    [{ teacherLogits: undefined }, /neither teacher nor teacherLogits is given/],
    [{ teacherLogits: '/nowhere/値' }, /\/nowhere\/値 does not exist/],
  ] as const)('%o', (changes, problem) => refused(changes as Partial<DistillInput>, problem));

  it('another teacher, data, tokenizer, or other rows, by name', async () => {
    await refused({ teacher: at('student') }, /the teacher was of SHA-256 .*… and is of SHA-256 /);
    const manifest = readLogitsManifest(at('logits'));
    for (const [key, name] of [
      ['data', 'the data'],
      ['tokenizer', 'the tokenizer'],
    ] as const) {
      // biome-ignore format: pairs
      cpSync(at('logits'), at(`other ${key}`), { recursive: true });
      writeFileSync(at(`other ${key}`, 'manifest.json'), JSON.stringify({ ...manifest, [key]: 'ab'.repeat(32) }));
      await refused({ teacherLogits: at(`other ${key}`) }, new RegExp(`${name} was of SHA-256 abababababab… and is`));
    }
    using kept = await KeptLogits.open(at('logits'));
    expect(() => kept.requireRows(1, new Int32Array(96))).toThrow(/logits of other rows at step 2/);
    expect(() => kept.requireRows(3, new Int32Array(96))).toThrow(/other rows in batch 1 of held-out text/);
  });

  it.each([
    ['a file that is cut off', (folder: string) => truncateSync(join(folder, logitsFile(2, rows)), 2000)],
    ['a file in which a byte changed', (folder: string) => flip(join(folder, logitsFile(0, rows)))],
    ['a file that is missing', (folder: string) => rmSync(join(folder, logitsFile(1, rows)))],
    ['two files in each other’s places', (folder: string) => swap(folder)],
  ])('%s', async (name, harm) => {
    cpSync(at('logits'), at(name), { recursive: true });
    harm(at(name));
    await refused(
      { teacherLogits: at(name) },
      /safetensors is missing, cut off or changed.*\n.*compute the logits again/,
    );
  });

  it('a manifest that is cut off, or names too few files', async () => {
    cpSync(at('logits'), at('no manifest'), { recursive: true });
    const path = at('no manifest', 'manifest.json');
    truncateSync(path, 200);
    await refused({ teacherLogits: at('no manifest') }, /manifest\.json is not valid JSON/);
    const manifest = readLogitsManifest(at('logits'));
    writeFileSync(path, JSON.stringify({ ...manifest, files: manifest.files.slice(1) }));
    const batches = manifest.heldOutBatches;
    const found = new RegExp(`names ${batches + 2} files of 3 steps and ${batches} batches of held-out text`);
    await refused({ teacherLogits: at('no manifest') }, found);
    rmSync(path);
    await refused({ teacherLogits: at('no manifest') }, /holds no teacher's logits: it has no manifest\.json/);
  });
});

function flip(path: string): void {
  const bytes = readFileSync(path);
  bytes[bytes.length - 9]! ^= 1;
  writeFileSync(path, bytes);
}

function swap(folder: string): void {
  const [a, b] = [join(folder, logitsFile(0, rows)), join(folder, logitsFile(1, rows))];
  renameSync(a, `${a}x`);
  renameSync(b, a);
  renameSync(`${a}x`, b);
}
