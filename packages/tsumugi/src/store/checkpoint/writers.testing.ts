// One of several writers of checkpoints, which tell each other things through files: `node writers.testing.ts FOLDER RANK WORLD WHAT`.
// `WHAT` says what happens to the last of them in the save of step 2.
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { arange, scope } from '../../torch/index.ts';
import { latestCheckpoint, saveCheckpoint } from './index.ts';
import type { TensorPiece, Writers } from './writers.ts';

const [, , home = '', rankText, worldText, what = 'nothing'] = process.argv;
const [rank, world] = [Number(rankText), Number(worldText)];
const isLast = rank === world - 1;
let round = 0;

const nap = (milliseconds: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);

const writers: Writers = {
  rank,
  world,
  nameOf: (each) => `writer ${each}`,
  gather<T>(value: T): T[] {
    const place = (each: number) => join(home, 'said', `${round}-${each}`);
    mkdirSync(join(home, 'said'), { recursive: true });
    writeFileSync(`${place(rank)}.new`, JSON.stringify(value));
    renameSync(`${place(rank)}.new`, place(rank));
    const all = Array.from({ length: world }, (_, each) => {
      const deadline = performance.now() + 20_000;
      while (!existsSync(place(each))) {
        if (existsSync(join(home, 'said', `gone-${each}`))) throw new Error(`writer ${each} is gone`);
        if (performance.now() > deadline) throw new Error(`writer ${each} did not come`);
        nap(2);
      }
      return JSON.parse(readFileSync(place(each), 'utf8')) as T;
    });
    round++;
    return all;
  },
};

/** The elements from `from` to `to` of a tensor [7, 3] that counts from `first`. */
const pieceOf = (first: number, [from, to]: readonly number[]): TensorPiece => ({
  name: 'w.m',
  shape: [7, 3],
  from: from!,
  tensor: arange(first + from!, first + to!).to('float32'),
});

const checkpoints = what === 'elsewhere' && isLast ? join(home, 'elsewhere') : join(home, 'checkpoints');
try {
  for (const step of [1, 2])
    scope(() => {
      const count = (first: number, shape: number[]) =>
        arange(first, first + shape.reduce((a, b) => a * b)).to('float32').reshape(shape); // biome-ignore format: one line
      const isDue = step === 2 && isLast;
      const broken = { dtype: 'float32', shape: [1], read: () => { throw new Error('no room left here'); } } as const; // biome-ignore format: one line
      const killed = { ...broken, read: () => { writeFileSync(join(home, 'said', `gone-${rank}`), ''); process.kill(process.pid, 'SIGKILL'); throw 0; } }; // biome-ignore format: one line
      const cut = [0, 9, 9, 21]; // the second writer has nothing of it, where there are three
      const to = world === 1 ? [0, 21] : world === 2 ? [[0, 5], [5, 21]][rank]! : [cut[rank]!, cut[rank + 1]!]; // biome-ignore format: one line
      const gap = isDue && what === 'gap' ? [to[0]!, to[1]! - 1] : to;
      saveCheckpoint(
        checkpoints,
        step,
        {
          tensors: {
            model: [['big', count(step, [40, 5])], ['small', count(step, [3])], ['w', count(step, [7, 3])], ['層', count(step, [20])]],
            optimizer: [
              ...(to[0] === to[1] ? [] : [pieceOf(step, gap)]),
              ['w.v', count(-step, [2])],
              ...(isDue && what === 'fails' ? [{ ...pieceOf(0, [0, 1]), name: 'x', shape: [1], tensor: broken }] : []),
              ...(isDue && what === 'killed' ? [{ ...pieceOf(0, [0, 1]), name: 'x', shape: [1], tensor: killed }] : []),
            ],
          }, // biome-ignore format: a table
          state: { step, rank },
        },
        writers,
      );
      // No writer goes on before the checkpoint can be seen.
      console.log(latestCheckpoint(join(home, 'checkpoints'))?.step);
    });
} catch (error) {
  console.error((error as Error).message.split('\n')[0]);
  process.exitCode = 1;
}
