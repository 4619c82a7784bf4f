// kill -9 at any moment, then --resume: the weights are those of a run that was never interrupted, for each kind of training. TSUMUGI_KILLS
// sets how many kills; the default keeps the suite quick, and there are only those kinds that keep something of their own.
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RandomStream, sha256File } from '../base/index.ts';
import { inTime } from '../base/thorough.testing.ts';
import { runAndSignal } from '../run/kill.testing.ts';
import { type GrpoSetup, grpoSetup } from './grpo/grpo.testing.ts';
import { type DpoSetup, dpoSetup, type RewardSetup, rewardSetup } from './preference/preference.testing.ts';
import { type SftSetup, sftSetup } from './sft.testing.ts';
import { type TinySetup, tinySetup } from './train.testing.ts';

const kills = Number(process.env['TSUMUGI_KILLS'] ?? 1);

let setups: { pretrain: TinySetup; sft: SftSetup; dpo: DpoSetup; reward: RewardSetup; grpo: GrpoSetup };
beforeAll(async () => {
  setups = {
    pretrain: await tinySetup(),
    sft: await sftSetup(),
    dpo: await dpoSetup(),
    reward: await rewardSetup(),
    grpo: await grpoSetup(),
  };
}, 60_000);
afterAll(() => {
  for (const setup of Object.values(setups)) setup[Symbol.dispose]();
});

const trained = ['model', 'model.safetensors'];
const trainings = {
  pretrain: { kind: 'pretrain', changes: { steps: 40, evaluateEvery: 7 }, result: trained },
  sft: { kind: 'sft', changes: { steps: 16, evaluateEvery: 7, neftune: 5, gradientAccumulation: 2 }, result: trained },
  'sft, adapters': {
    kind: 'sft',
    changes: { steps: 16, evaluateEvery: 5, lora: 4, loraDropout: 0.2 },
    result: ['adapter', 'adapter_model.safetensors'],
  },
  dpo: { kind: 'dpo', changes: { steps: 16, evaluateEvery: 7, loss: 'hdpo', alpha: 0.9 }, result: trained },
  reward: { kind: 'reward', changes: { steps: 16, evaluateEvery: 7, lora: 4 }, result: trained },
  kto: {
    kind: 'dpo',
    changes: { steps: 16, evaluateEvery: 7, loss: 'kto', gradientAccumulation: 2 },
    result: trained,
  },
  grpo: { kind: 'grpo', changes: { steps: 12, evaluateEvery: 5, updates: 3 }, result: trained },
} as const;

/** Plain, with what the reference says of the data, with answers that are half learned from. */
const quick = ['pretrain', 'dpo', 'grpo'];
const asked = Object.entries(trainings).filter(([name]) => inTime(quick, [name]).includes(name));
it.each(asked)(
  `survives ${kills} kills with bit-identical weights: %s`,
  { timeout: 90_000 + kills * 30_000 },
  async (_, { kind, changes, result }) => {
    const setup = setups[kind];
    const weightsOf = (name: string) => sha256File(join(setup.folder, name, ...result));
    /** Runs the command and kills it after `milliseconds`. Returns whether it had finished by itself. */
    const runKilled = async (name: string, milliseconds: number): Promise<boolean> => {
      const file = join(setup.folder, `${name}.json`);
      const settings = { ...changes, checkpointEvery: 1 };
      writeFileSync(file, JSON.stringify((setup.config as (name: string, changes: object) => object)(name, settings)));
      const env = { XDG_CACHE_HOME: join(setup.folder, 'cache') };
      return (await runAndSignal([kind, '--config', file, '--resume'], milliseconds, { env })) === 0;
    };
    for (const name of ['whole', 'killed']) rmSync(join(setup.folder, name), { recursive: true, force: true });
    const began = performance.now();
    expect(await runKilled('whole', 120_000)).toBe(true);
    const uninterrupted = performance.now() - began;
    const random = new RandomStream(kills);
    let killed = 0;
    while (killed < kills) {
      rmSync(join(setup.folder, 'killed'), { recursive: true, force: true });
      // What is kept of the reference may be half-written at a kill, too.
      rmSync(join(setup.folder, 'cache', 'tsumugi', 'reference-logprobs'), { recursive: true, force: true });
      // Kill it again and again until it gets through; every moment from start to end can be hit.
      let longest = uninterrupted;
      while (!(await runKilled('killed', killed < kills ? random.next() * longest : 120_000))) {
        killed++;
        longest *= 1.3;
      }
      expect(weightsOf('killed')).toBe(weightsOf('whole'));
    }
  },
);
