// Environments side by side: steps per second with their number, in one thread and over several.
import { makeEnvironment, makeVectorEnvironment } from 'tsumugi/rl';
import type { Context } from '../lib/part.ts';
import { row } from '../lib/row.ts';
import { seconds } from '../lib/sampling.ts';

/** Environments of each task, and steps of a sample of all of them together. */
const tasks = { 'CartPole-v1': 100_000, 'HalfCheetah-v5': 4000 } as const;

export async function vectors({ quick, rows, log, machine }: Context): Promise<void> {
  for (const [id, steps] of Object.entries(tasks)) {
    const [total, rounds] = quick ? [Math.ceil(steps / 20), 2] : [steps, 4];
    using one = await makeEnvironment(id);
    one.reset({ seed: 1 });
    const action = one.actionSpace.kind === 'Discrete' ? 0 : new Float32Array(one.actionSpace.shape[0]!);
    const alone = () => {
      for (let step = 0; step < total; step++) {
        const { terminated, truncated } = one.step(action);
        if (terminated || truncated) one.reset();
      }
    };
    push(`${id}: one environment`, rounds, () => total / seconds(alone));
    for (const workers of [0, machine.threads])
      for (const size of workers === 0 ? [1, 4, 16] : [4, 16]) {
        using together = await makeVectorEnvironment(id, size, { workers });
        together.reset({ seed: 1 });
        const actions = Array.from({ length: size }, () => action);
        const rounds_ = Math.ceil(total / size);
        const steps = () => {
          for (let step = 0; step < rounds_; step++) together.step(actions);
        };
        const where = workers === 0 ? 'one thread' : `${workers} worker threads`;
        push(`    ${size} side by side, ${where}`, rounds, () => (rounds_ * size) / seconds(steps));
      }
  }

  function push(name: string, rounds: number, sample: () => number): void {
    const samples = Array.from({ length: rounds }, sample).slice(1);
    log(`${name}: ${Math.max(...samples).toFixed(0)} steps/s`);
    rows.push(row({ name, unit: 'steps/s', better: 'higher', ours: samples }));
  }
}
