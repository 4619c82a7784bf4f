// Fine-tuning killed at any moment, then --resume: the weights are those of a run that was never interrupted.
import { rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RandomStream, sha256File } from '../base/index.ts';
import { runAndSignal } from '../run/kill.testing.ts';
import { type SftSetup, sftSetup } from './sft.testing.ts';
import { sft } from './sft.ts';
import { silent } from './train.testing.ts';

const kills = Number(process.env['TSUMUGI_KILLS'] ?? 3);

let setup: SftSetup;
beforeAll(async () => {
  setup = await sftSetup();
});
afterAll(() => setup[Symbol.dispose]());

/** Runs `tsumugi sft` and kills it after `milliseconds`. Returns whether it had finished by itself. */
const runKilled = async (config: string, milliseconds: number): Promise<boolean> =>
  (await runAndSignal(['sft', '--config', config, '--resume'], milliseconds)) === 0;

const trainings = {
  'the model': { more: {}, result: ['model', 'model.safetensors'] },
  adapters: { more: { lora: 4, loraDropout: 0.2 }, result: ['adapter', 'adapter_model.safetensors'] },
} as const;

it.each(Object.entries(trainings))(
  `survives ${kills} kills with bit-identical weights: %s`,
  {
    timeout: 60_000 + kills * 30_000,
  },
  async (name, { more, result }) => {
    const settings = {
      steps: 16,
      checkpointEvery: 1,
      keepLast: 2,
      evaluateEvery: 5,
      neftune: 5,
      gradientAccumulation: 2,
      ...more,
    };
    const weights = (run: string) => sha256File(setup.at(run, ...result));
    await sft(setup.config(`whole ${name}`, settings), { stream: silent });
    const whole = weights(`whole ${name}`);
    rmSync(setup.at('killed'), { recursive: true, force: true });
    const file = setup.at('config.json');
    writeFileSync(file, JSON.stringify(setup.config('killed', settings)));
    const began = performance.now();
    expect(await runKilled(file, 120_000)).toBe(true);
    const uninterrupted = performance.now() - began;

    const random = new RandomStream(kills);
    let killed = 0;
    while (killed < kills) {
      rmSync(setup.at('killed'), { recursive: true, force: true });
      let longest = uninterrupted;
      while (!(await runKilled(file, killed < kills ? random.next() * longest : 120_000))) {
        killed++;
        longest *= 1.3;
      }
      expect(weights('killed')).toBe(whole);
    }
  },
);
