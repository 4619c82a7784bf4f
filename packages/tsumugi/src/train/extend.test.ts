// Extension to long contexts: what it changes in the model, that it learns, resumes exactly, and what it refuses.
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectOverSeeds } from '../base/base.testing.ts';
import { DataError, deriveSeed, sha256File } from '../base/index.ts';
import { initialWeights, loadModel, loadTokenizer, Plamo2, ropeBaseOf, saveModel, windowOf } from '../lm/index.ts';
import { namedParameters } from '../nn/index.ts';
import { readEvents } from '../run/index.ts';
import { Artefact } from '../store/index.ts';
import { openCorpus, prepare } from '../text/index.ts';
import { scope, tensor } from '../torch/index.ts';
import { extend } from './extend.ts';
import { type ExtendInput, extendConfig } from './extend-config.ts';
import { pretrain } from './pretrain.ts';
import { silent, type TinySetup, tinySetup } from './train.testing.ts';

let setup: TinySetup;
const at = (...names: string[]) => join(setup.folder, ...names);
const config = (name: string, changes: Partial<ExtendInput> = {}) =>
  extendConfig.parse({
    model: at('base', 'model'),
    out: at(name),
    mix: [{ data: at('data') }],
    phases: [
      { sequenceLength: 64, steps: 4, batchSize: 2 },
      { sequenceLength: 128, steps: 3, gradientAccumulation: 2 },
      { sequenceLength: 256, steps: 3 },
    ],
    evaluateEvery: 4,
    checkpointEvery: 2,
    keepLast: 9,
    ...changes,
  });
const run = (name: string, changes = {}, options = {}) => extend(config(name, changes), { stream: silent, ...options });
const weightsOf = (name: string) => at(name, 'model', 'model.safetensors');

beforeAll(async () => {
  setup = await tinySetup();
  await pretrain(setup.config('base', { steps: 30 }), { stream: silent });
  // What the tests compare with. None of them changes it: each stands alone.
  await run('long');
}, 60_000);
afterAll(() => setup[Symbol.dispose]());

describe('extend', () => {
  // Measured: 0.9959, 0.9958, 0.9964; ten small steps at a low rate.
  it('learns', async () => {
    const share = async (seed: number) => {
      const { before, after } = await run(`learns-${seed}`, { seed, evaluateEvery: 0, checkpointEvery: 0 });
      return after!.bitsPerCharacter / before!.bitsPerCharacter;
    };
    await expectOverSeeds(share, { below: 1 });
  });

  it('makes attention full, keeps the rest of the model, and writes where it comes from', async () => {
    const folder = at('long', 'model');
    const [parent, child] = [new Artefact(at('base', 'model')), new Artefact(folder)];
    expect({ ...parent.config(), full_attention_idx: [1], rope_theta: 1e6 }).toEqual(child.config());
    const lineage = child.lineage()!;
    expect(lineage).toMatchObject({ stage: 'extend', seed: 0, parents: [{ sha256: await parent.hash() }] });
    expect(lineage.data).toHaveLength(1);
    using model = loadModel(folder);
    expect([windowOf(model.config, 1), ropeBaseOf(model.config, 1)]).toEqual([null, 1e6]);
    expect(loadTokenizer(folder).vocabSize).toBe(500);
  });

  it('logs every step with its context, tokens seen, and evaluations in rows of the phase', () => {
    const events = readEvents(at('long', 'events.jsonl'));
    const steps = events.filter((event) => event.type === 'step');
    expect(steps.map((event) => event.metrics!['sequenceLength'])).toEqual([
      64, 64, 64, 64, 128, 128, 128, 256, 256, 256,
    ]);
    expect(steps.map((event) => event.tokens)).toEqual([128, 256, 384, 512, 768, 1024, 1280, 1536, 1792, 2048]);
    expect(events.filter((event) => event.type === 'evaluation').map(({ step, name }) => [step, name])).toEqual([
      [0, 'held-out in rows of 256, before extension'],
      [4, 'held-out in rows of 128'],
      [8, 'held-out in rows of 256'],
      [10, 'held-out in rows of 256'],
    ]);
  });

  it('sees beyond the window only once extended', () => {
    // How token 0 changes the output 40 tokens on, with the Mamba layer's way through its state cut off.
    const differs = (folder: string) =>
      scope(() => {
        using model = loadModel(folder);
        const parameters = new Map(namedParameters(model));
        parameters.get('model.layers.layers.0.mixer.out_proj.weight')!.detach().zero_();
        const ids = (first: number) =>
          tensor([first, ...Array.from({ length: 40 }, (_, i) => i + 9)], { dtype: 'int64' });
        const [a, b] = [7, 8].map((first) => model.forward(ids(first).unsqueeze(0)).select(1, 40).detach());
        return a!.sub(b!).abs().max().item();
      });
    expect(differs(at('base', 'model'))).toBe(0);
    expect(differs(at('long', 'model'))).toBeGreaterThan(1e-5);
  });

  it('gives the same bytes for the same seed, other bytes for another', async () => {
    await run('again');
    await run('other', { seed: 1 });
    expect(sha256File(weightsOf('again'))).toBe(sha256File(weightsOf('long')));
    expect(sha256File(weightsOf('other'))).not.toBe(sha256File(weightsOf('long')));
  });

  it('resumes bit for bit from every checkpoint, inside and at the borders of phases', async () => {
    const expected = sha256File(weightsOf('long'));
    for (const step of [2, 4, 6, 8]) {
      const name = `resumed-at-${step}`;
      cpSync(at('long'), at(name), { recursive: true });
      rmSync(at(name, 'model'), { recursive: true });
      for (const entry of readdirSync(at(name, 'checkpoints')))
        if (entry !== `step-${String(step).padStart(9, '0')}`)
          rmSync(at(name, 'checkpoints', entry), { recursive: true });
      const { before, after } = await run(name, {}, { resume: true });
      expect(sha256File(weightsOf(name)), name).toBe(expected);
      expect(after!.bitsPerCharacter).toBeLessThan(before!.bitsPerCharacter);
      const steps = readEvents(at(name, 'events.jsonl')).filter((event) => event.type === 'step');
      expect(steps.map((event) => event.step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    }
  });

  it('saves on Ctrl-C, and goes on from there', async () => {
    let lines = 0;
    const stream = {
      write(text: string) {
        // The first evaluation is printed in step 4: the signal comes while that step is ending.
        if (text.startsWith('step 4') && lines++ === 0) process.emit('SIGINT', 'SIGINT');
        return true;
      },
    };
    const { interrupted, folder } = await extend(config('stopped'), { stream });
    expect([interrupted, folder]).toEqual([true, undefined]);
    expect(readEvents(at('stopped', 'events.jsonl')).at(-1)).toMatchObject({ type: 'end', reason: 'interrupted' });
    await run('stopped', {}, { resume: true });
    expect(sha256File(weightsOf('stopped'))).toBe(sha256File(weightsOf('long')));
  });

  it('extends by a larger window instead, as the 2.1 models do', async () => {
    const { folder } = await run('window', { layers: [], windowSize: 4096, ropeLocalTheta: 1e6 });
    using model = loadModel(folder!);
    expect(model.config).toMatchObject({ full_attention_idx: [], attention_window_size: 4096, rope_theta: 1e6 });
    expect([windowOf(model.config, 1), ropeBaseOf(model.config, 1)]).toEqual([4096, 1e6]);
  });

  it('recomputes layers without changing what is learned', async () => {
    await run('kept-activations', { activationCheckpointing: false });
    const difference = scope(() => {
      using kept = new Artefact(at('kept-activations', 'model')).weights();
      using recomputed = new Artefact(at('long', 'model')).weights();
      return Math.max(...kept.names.map((name) => kept.tensor(name).sub(recomputed.tensor(name)).abs().max().item()));
    });
    expect(difference).toBeLessThan(1e-4);
  });
});

describe('bad input', () => {
  it('is refused before anything is written', async () => {
    const refused = async (changes: Partial<ExtendInput>, message: RegExp) => {
      await expect(run('refused', changes)).rejects.toThrow(message);
      expect(existsSync(at('refused'))).toBe(false);
    };
    await refused({ layers: [0] }, /layer 0 is no attention layer\n.*layers 1, or "all"/);
    await refused({ layers: [7] }, /layer 7 is no attention layer/);
    const phases = [256, 128].map((sequenceLength) => ({ sequenceLength, steps: 1 }));
    await refused({ phases }, /phase 2 has a sequenceLength of 128, less than the 256/);
    await refused(
      { phases: [{ sequenceLength: 4096, steps: 1 }] },
      /no document is as long as the context of 4,096.*\n/,
    );
    await refused({ model: '/nowhere' }, /does not exist/);
    cpSync(at('base', 'model'), at('few'), { recursive: true });
    const config = JSON.parse(readFileSync(at('few', 'config.json'), 'utf8'));
    config.quantization_config = { quant_method: 'gptq', bits: 4, group_size: 16 };
    writeFileSync(at('few', 'config.json'), JSON.stringify(config));
    await refused({ model: at('few') }, /few is quantized \(gptq, 4 bits\), so it cannot be trained/);
    await refused({ mix: [{ data: '/nowhere' }] }, /\/nowhere does not exist/);
    await refused({ phases: [{ sequenceLength: 64, steps: 1, batchSize: 10 ** 6 }] }, /will need about .* of memory/);
  });

  it('names shards of another tokenizer, and folders where nothing is held out', async () => {
    const encoder = loadTokenizer(at('base', 'model'));
    const hash = sha256File(at('base', 'model', 'tokenizer.jsonl'));
    const corpus = openCorpus([at('text.txt')], { documentCharacters: 800 });
    const options = { encoder, seed: 0 };
    await prepare(corpus, at('foreign'), { ...options, tokenizerHash: '0'.repeat(64) });
    await expect(run('refused', { mix: [{ data: at('foreign') }] })).rejects.toThrow(/another tokenizer/);
    await prepare(corpus, at('all-train'), { ...options, tokenizerHash: hash, heldOutFraction: 0 });
    await expect(run('refused', { mix: [{ data: at('all-train') }] })).rejects.toThrow(DataError);
    expect(existsSync(at('refused'))).toBe(false);
    // In a mix it is enough that one source has held-out documents.
    const mix = [{ data: at('all-train'), weight: 3 }, { data: at('data') }];
    expect((await run('mixed', { mix, phases: [{ sequenceLength: 64, steps: 2 }] })).folder).toBeDefined();
  });

  it('does not go on with other settings, nor with another kind of run', async () => {
    await expect(run('long', { learningRate: 1 }, { resume: true })).rejects.toThrow(
      /other settings: learningRate: 0.0003 → 1\n/,
    );
    await expect(run('base', {}, { resume: true })).rejects.toThrow(/run of "pretrain", not of "extend"/);
    await expect(run('long')).rejects.toThrow(/already holds a run/);
  });
});

it('switches a model that was never trained, and keeps layers that were full', async () => {
  const changes = { num_hidden_layers: 4, full_attention_idx: [3], rope_theta: 5e5 };
  using model = new Plamo2({ ...loadConfig(), ...changes }, initialWeights(deriveSeed(0, 'weights')));
  saveModel(at('partly'), model, { tokenizerFolder: at('base', 'model') });
  const { folder } = await run('both', { model: at('partly'), layers: [1], ropeTheta: 2e6 });
  using extended = loadModel(folder!);
  expect(extended.config).toMatchObject({ full_attention_idx: [1, 3], rope_theta: 2e6, rope_local_theta: 1e4 });
});

function loadConfig() {
  using model = loadModel(at('base', 'model'));
  return model.config;
}
