// Training whose state is cut over ranks: the same training as with all of it on every rank, in the memory that is forecast.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { inTime } from '../base/thorough.testing.ts';
import { preset } from '../lm/index.ts';
import { runRanks } from '../mesh/ranks.testing.ts';
import { readEvents } from '../run/index.ts';
import { pretrainConfig } from './pretrain-config.ts';
import { rankMemory } from './scale/rank-memory.ts';
import { type Shard, shards } from './scale/shards.ts';
import { type SftSetup, sftSetup } from './sft.testing.ts';
import { tinyModel, tinySetup } from './train.testing.ts';

const script = fileURLToPath(new URL('ranks.testing.ts', import.meta.url));
const inTurnScript = fileURLToPath(new URL('stages-ranks.testing.ts', import.meta.url));
let setup: SftSetup;
beforeAll(async () => {
  setup = await sftSetup();
}, 60_000);
afterAll(() => setup[Symbol.dispose]());

const usual = {
  modelChanges: { ...tinyModel, num_hidden_layers: 4 },
  steps: inTime(6, 50),
  sequenceLength: 48,
  batchSize: 6,
  learningRate: 1e-3,
  evaluateEvery: 3,
  checkpointEvery: 3,
};

const pretraining = (name: string, changes = {}) =>
  pretrainConfig.parse({
    data: setup.at('data'),
    tokenizer: setup.at('tokenizer'),
    out: setup.at(name),
    ...usual,
    ...changes,
  });

async function train(config: { out: string }, world: number, { resume = false } = {}) {
  const results = await runRanks(script, world, {
    args: ['pretrain', JSON.stringify(config), ...(resume ? ['resume'] : [])],
  });
  for (const { code, signal, stderr } of results) expect(code, `${signal} ${stderr}`).toBe(0);
  return readTrained(config);
}

/** The same ranks run one training after another: starting them takes longer than a short training. */
async function trainInTurn(configs: readonly { out: string }[], world: number, kind = 'pretrain') {
  const file = setup.at('in-turn.json');
  writeFileSync(file, JSON.stringify(configs.map((config) => [kind, config])));
  const results = await runRanks(inTurnScript, world, { args: [file] });
  for (const { code, signal, stdout, stderr } of results) {
    expect(code, `${signal} ${stderr}`).toBe(0);
    expect(stdout).not.toContain('"error":');
  }
  return configs.map(readTrained);
}

function readTrained(config: { out: string }) {
  const events = readEvents(join(config.out, 'events.jsonl'));
  const steps = events.filter((event) => event.type === 'step');
  return {
    steps,
    losses: steps.map(({ loss }) => loss!),
    norms: steps.map(({ gradNorm }) => gradNorm!),
    looks: events
      .filter(({ type }) => type === 'evaluation' || type === 'sample' || type === 'layers')
      .map(({ time: _, ...rest }) => ({ ...rest, seconds: 0 })),
    file: (path: string) => readFileSync(join(config.out, path)),
  };
}

type Trained = ReturnType<typeof readTrained>;
const cut = shards.slice(1);
const farthest = (a: readonly number[], b: readonly number[]) =>
  Math.max(...a.map((each, i) => Math.abs(each / b[i]! - 1)));

/** The same numbers up to the order in which they were added up. */
function expectSame(found: Trained, whole: Trained, what: string): void {
  expect(found.losses).toHaveLength(whole.losses.length);
  expect(farthest(found.losses, whole.losses), what).toBeLessThan(1e-6);
  expect(farthest(found.norms, whole.norms), what).toBeLessThan(1e-5);
}

const bits = { schedule: 'constant', sampleEvery: 3, clipNorm: 0.5, zLoss: 0.01 };

it('gives the bits of a training that is not cut, over two ranks, also where it goes on cut in another way', async () => {
  const whole = await train(pretraining('bits', bits), 2);
  const others = await trainInTurn(
    cut.map((shard) => pretraining(`bits-${shard}`, { ...bits, shard })),
    2,
  );
  for (const [i, shard] of cut.entries()) {
    const found = others[i]!;
    expect(found.losses, shard).toEqual(whole.losses);
    expect(found.looks, shard).toEqual(whole.looks);
    expect(found.file('model/model.safetensors').equals(whole.file('model/model.safetensors')), shard).toBe(true);
  }
  const ways = inTime(
    [['zero3', 'zero1', 2]],
    [
      ['zero3', 'zero1', 2],
      ['none', 'zero3', 2],
      ['zero1', 'zero2', 3],
    ],
  ) as [Shard, Shard, number][];
  for (const [first, then, world] of ways) {
    const name = `${first}-${then}`;
    await train(pretraining(name, { ...bits, steps: usual.steps / 2, shard: first }), world);
    const found = await train(pretraining(name, { ...bits, shard: then }), 2, { resume: true });
    if (world === 2) expect(found.losses, name).toEqual(whole.losses);
    else expectSame(found, whole, name);
  }
}, 600_000);

it('goes on with a rank whose rows are fewer, or none, and measures layers', async () => {
  // Of 4 rows in micro-batches of one, ranks of three have one, one and two; of two rows one of them has none.
  for (const gradientAccumulation of inTime([2], [4, 2])) {
    const changes = {
      batchSize: 1,
      gradientAccumulation,
      activationCheckpointing: true,
      layersEvery: 2,
      modelChanges: { ...usual.modelChanges, tie_word_embeddings: false },
    };
    const ways = inTime(['none', 'zero3'] as const, shards);
    const [whole, ...others] = await trainInTurn(
      ways.map((shard) => pretraining(`rows-${gradientAccumulation}-${shard}`, { ...changes, shard })),
      3,
    );
    for (const [i, found] of others.entries()) {
      expectSame(found, whole!, ways[i + 1]!);
      expect(found.looks.map(({ type }) => type)).toEqual(whole!.looks.map(({ type }) => type));
    }
  }
}, 300_000);

it('cuts what adapters and frozen weights leave to train', async () => {
  const ways = { adapters: { lora: 4, loraDropout: 0.1 }, frozen: { freeze: ['embed', '.*layers.0.*'] } };
  for (const [name, changes] of Object.entries(ways).slice(0, inTime(1, 2))) {
    const sft = (shard: Shard) => setup.config(`${name}-${shard}`, { ...changes, shard });
    const ways = inTime(['none', 'zero3'] as const, shards);
    const [whole, ...others] = await trainInTurn(ways.map(sft), 2, 'sft');
    for (const [i, found] of others.entries()) expectSame(found, whole!, `${name} ${ways[i + 1]}`);
  }
}, 300_000);

it(
  'takes the memory that is forecast',
  async () => {
    // Layers of 1.2 million numbers, and an embedding of 5 million.
    const vocabulary = 20_000;
    using large = await tinySetup({ unused: vocabulary - 500 });
    const modelChanges = {
      hidden_size: 256,
      intermediate_size: 1024,
      num_hidden_layers: 4,
      num_attention_heads: 4,
      mamba_num_heads: 8,
      hidden_size_per_head: 64,
      attention_window_size: 32,
      mamba_chunk_size: 32,
    };
    const changes = {
      modelChanges,
      steps: 3,
      batchSize: 4,
      activationCheckpointing: true,
      checkpointEvery: 0,
      evaluateEvery: 0,
    };
    const ways = [
      [2, true],
      [2, false],
      [4, true],
    ] as const;
    for (const [world, tied] of ways.slice(0, inTime(1, ways.length)))
      for (const shard of inTime(['zero3'] as const, shards)) {
        const model = { ...modelChanges, tie_word_embeddings: tied };
        const config = large.config(`memory-${world}-${tied}-${shard}`, { ...changes, modelChanges: model, shard });
        const { steps } = await train(config, world);
        const modelConfig = preset('mini', { ...model, vocab_size: vocabulary });
        const { runtime: _, ...held } = rankMemory(modelConfig, config, { world, shard });
        const forecast = Object.values(held).reduce((sum, bytes) => sum + bytes, 0);
        const ratio = steps[2]!.memoryBytes! / forecast;
        const told = `${shard} of ${world}${tied ? '' : ', with a head of its own'}: ${ratio} of ${JSON.stringify(held)}`;
        expect(ratio, told).toBeGreaterThan(0.8);
        // A run that is promised too little ends in the middle.
        expect(ratio, told).toBeLessThan(1.1);
      }
  },
  inTime(300_000, 1_800_000),
);
