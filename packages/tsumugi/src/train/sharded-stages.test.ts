// State cut over ranks in continual training, in a training that diverges, and with an optimizer that cannot be cut: the same as with all of it
// on every rank, and one sentence where it ends.
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inTime, thorough } from '../base/thorough.testing.ts';
import { runRanks } from '../mesh/ranks.testing.ts';
import { readEvents } from '../run/index.ts';
import { extendConfig } from './extend-config.ts';
import { pretrain } from './pretrain.ts';
import { pretrainConfig } from './pretrain-config.ts';
import { type Shard, shards } from './scale/shards.ts';
import { type SftSetup, sftSetup } from './sft.testing.ts';
import { silent, tinyModel } from './train.testing.ts';

const script = fileURLToPath(new URL('stages-ranks.testing.ts', import.meta.url));
const cut = ['zero2', 'zero3'] as const;
let setup: SftSetup;
beforeAll(async () => {
  setup = await sftSetup();
}, 120_000);
afterAll(() => setup[Symbol.dispose]());

interface Told {
  folder?: string;
  error?: string;
}

/** What each of so many ranks has of each training, one after another. */
async function onRanks(world: number, tasks: readonly (readonly [kind: string, config: object, own?: string])[]) {
  writeFileSync(setup.at('tasks.json'), JSON.stringify(tasks));
  const ranks = await runRanks(script, world, { args: [setup.at('tasks.json')] });
  return ranks.map(({ code, stdout, stderr }) => {
    expect(code, stderr).toBe(0);
    return JSON.parse(stdout) as Told[];
  });
}

const eventsOf = (name: string) => readEvents(setup.at(name, 'events.jsonl'));
const stepsOf = (name: string) => eventsOf(name).flatMap((event) => (event.type === 'step' ? [event] : []));
const measuredOf = (name: string) =>
  eventsOf(name).flatMap((event) => (event.type === 'evaluation' ? [Object.values(event.metrics) as number[]] : []));
const farthest = (a: readonly number[], b: readonly number[]) =>
  Math.max(...a.map((each, i) => Math.abs(each / b[i]! - 1)));

const rising = (name: string, changes: object) =>
  pretrainConfig.parse({
    data: setup.at('data'),
    tokenizer: setup.at('tokenizer'),
    out: setup.at(name),
    modelChanges: tinyModel,
    sequenceLength: 48,
    batchSize: 3,
    steps: 30,
    learningRate: 1e38,
    clipNorm: 1e9,
    evaluateEvery: 0,
    checkpointEvery: 0,
    ...changes,
  });

describe('one start of the ranks', () => {
  const worlds = inTime([2], [2, 3, 4]);
  const ways = inTime(['none', ...cut] as const, shards);
  const sharesRows = (world: number) => thorough && world % 2 === 0;
  const extending = (name: string, shard: Shard, changes: object) =>
    extendConfig.parse({
      model: setup.at('base'),
      out: setup.at(name),
      mix: [{ data: setup.at('data') }],
      phases: [
        { sequenceLength: 64, steps: 2, batchSize: 3 },
        // Micro-batches that the ranks do not share evenly.
        { sequenceLength: 128, steps: 2, batchSize: 1, gradientAccumulation: 5 },
      ],
      activationCheckpointing: true,
      zLoss: 1e-3,
      clipNorm: 0.3,
      learningRate: 1e-4,
      evaluateEvery: 2,
      checkpointEvery: 0,
      shard,
      ...changes,
    });

  beforeAll(async () => {
    for (const world of worlds) {
      const tasks = ways.flatMap((shard) => [
        ['extend', extending(`extend-${world}-${shard}`, shard, {})] as const,
        ...(sharesRows(world)
          ? [['extend', extending(`rows-${world}-${shard}`, shard, { ranksPerRow: 2 })] as const]
          : []),
        ['pretrain', rising(`rising-${world}-${shard}`, { shard, schedule: 'range-test', floor: 1e-38 })] as const,
      ]);
      for (const told of await onRanks(world, tasks)) expect(told.filter(({ error }) => error)).toEqual([]);
    }
  }, 600_000);

  it.each(worlds)('extends as a training that is not cut, over %d ranks', (world) => {
    for (const kind of sharesRows(world) ? ['extend', 'rows'] : ['extend']) {
      const whole = stepsOf(`${kind}-${world}-none`);
      expect(whole).toHaveLength(4);
      for (const shard of ways.slice(1)) {
        const name = `${kind}-${world}-${shard}`;
        const found = stepsOf(name);
        const losses = (steps: typeof found) => steps.map(({ loss }) => loss!);
        const norms = (steps: typeof found) => steps.map(({ gradNorm }) => gradNorm!);
        expect(farthest(losses(found), losses(whole)), name).toBeLessThan(1e-6);
        expect(farthest(norms(found), norms(whole)), name).toBeLessThan(1e-5);
        const [measured, expected] = [measuredOf(name), measuredOf(`${kind}-${world}-none`)];
        expect(measured).toHaveLength(expected.length);
        expect(farthest(measured.flat(), expected.flat()), name).toBeLessThan(1e-6);
      }
    }
  });

  it.each(worlds)('ends a range test where one that is not cut diverges, over %d ranks', (world) => {
    const whole = eventsOf(`rising-${world}-none`).at(-1)!;
    expect(whole.step).toBeGreaterThan(1);
    for (const shard of ways.slice(1))
      expect(eventsOf(`rising-${world}-${shard}`).slice(-2)).toMatchObject([
        { type: 'warning', code: 'diverged', step: whole.step },
        { type: 'end', reason: 'done', step: whole.step },
      ]);
  });
});

it.each(inTime(['zero3'] as const, shards))(
  'tells on all ranks where a training diverges: %s',
  async (shard) => {
    const ends: Record<string, object> = {
      steps: {},
      ...(thorough && { update: { learningRate: 3e38, weightDecay: 1, checkpointEvery: 1 } }),
    };
    for (const [name, changes] of Object.entries(ends)) {
      const ranks = await onRanks(2, [
        ['pretrain', rising(`ended-${name}-${shard}`, { shard, schedule: 'constant', ...changes })],
      ]);
      const alone = rising(`ended-${name}-${shard}-alone`, { schedule: 'constant', ...changes });
      const expected = await pretrain(alone, { stream: silent }).catch((error: Error) => error.message);
      expect(expected).toMatch(/^training diverged at step \d+: /);
      const [first] = ranks[0]!;
      for (const [told] of ranks) expect(told!.error).toBe(first!.error);
      // Of a sum and a norm that are no number, only that.
      expect(first!.error!.split(/[:;]/)[0]).toBe((expected as string).split(/[:;]/)[0]);
      expect(eventsOf(`ended-${name}-${shard}`).at(-1)).toMatchObject({ type: 'end', reason: 'failed' });
    }
  },
  300_000,
);

it.each(inTime([], ['zero2', 'zero3'] as const))(
  'refuses an optimizer of one’s own that cannot be cut, on all ranks: %s',
  async (shard) => {
    const config = rising(`own-${shard}`, { shard });
    for (const [told] of await onRanks(2, [['pretrain', config, 'whole']]))
      expect(told!.error).toContain(`shard: an optimizer of one's own without cut() cannot be ${shard}`);
  },
  300_000,
);
