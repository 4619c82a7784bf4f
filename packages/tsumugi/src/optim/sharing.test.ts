// Optimizers of several threads that update the same parameters: no step is lost, and every thread sees what the others did.
import { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';
import { constant, Linear } from '../nn/index.ts';
import { backward, Rng, scope, tensor } from '../torch/index.ts';
import { Adam, Mutex, type Optimizer, RMSprop, SGD } from './index.ts';

const model = () => new Linear(2, 1, { weightInit: constant(1), bias: false, rng: new Rng(0) });

const take = (layer: Linear, optimizer: Optimizer, x: readonly number[]) =>
  scope(() => {
    optimizer.zeroGrad();
    backward(
      layer
        .forward(tensor([[...x]]))
        .square()
        .sum(),
    );
    optimizer.step();
  });

const kinds: Record<string, (layer: Linear) => Optimizer> = {
  SGD: (layer) => new SGD(layer, { lr: 0.01, momentum: 0.9 }),
  Adam: (layer) => new Adam(layer, { lr: 0.1 }),
  RMSprop: (layer) => new RMSprop(layer, { lr: 0.1 }),
};
const rows = [
  [1, 2],
  [-1, 0.5],
  [3, -2],
  [0.1, 1],
  [2, 2],
] as const;

it.each(Object.keys(kinds))(
  '%s: steps of one that follows, and of the owner after them, are the steps of one optimizer',
  (name) => {
    const layers = [model(), model(), model()] as const;
    const optimizers = layers.map((layer) => kinds[name]!(layer));
    const [alone, owner, follower] = optimizers as [Optimizer, Optimizer, Optimizer];
    take(layers[0], alone, rows[0]);
    take(layers[1], owner, rows[0]); // before it is shared
    follower.follow(owner.share());
    expect(layers[2].weight.tolist()).toEqual(layers[1].weight.tolist());
    for (const row of rows.slice(1, -1)) {
      take(layers[0], alone, row);
      take(layers[2], follower, row);
      for (const layer of layers.slice(1)) expect(layer.weight.tolist()).toEqual(layers[0].weight.tolist());
    }
    take(layers[0], alone, rows.at(-1)!);
    take(layers[1], owner, rows.at(-1)!);
    expect(layers[1].weight.tolist()).toEqual(layers[0].weight.tolist());
    expect(layers[2].weight.tolist()).not.toEqual(layers[0].weight.tolist()); // brought up to date by its own next step
    expect(owner.state().steps['weight']).toBe(rows.length);
    for (const each of [follower, owner, alone, ...layers]) each.dispose();
  },
);

it('refuses what is shared of other parameters', () => {
  const [a, b] = [model(), new Linear(2, 1, { weightInit: constant(1) })];
  const [owner, other] = [new Adam(a, { lr: 1 }), new Adam(b, { lr: 1 })];
  expect(() => other.follow(owner.share())).toThrow(/of other parameters/);
  for (const each of [other, owner, a, b]) each.dispose();
});

const optim = new URL('index.ts', import.meta.url).href;
const program = (body: string) =>
  new URL(
    `data:text/javascript,${encodeURIComponent(`import { parentPort, workerData } from 'node:worker_threads'; ${body}`)}`,
  );
const ended = (worker: Worker) =>
  new Promise((done, fail) => {
    worker.once('message', done).once('error', fail);
  });

it('loses no step of four threads', async () => {
  const layer = model();
  const owner = new SGD(layer, { lr: 1 });
  const told = owner.share();
  const steps = 200;
  // Every gradient is −1, so each step adds 1 to every weight.
  const url = program(`
    import { backward, Rng, scope, tensor } from '${optim.replace('/optim/', '/torch/')}';
    import { constant, Linear } from '${optim.replace('/optim/', '/nn/')}';
    import { SGD } from '${optim}';
    const layer = new Linear(2, 1, { weightInit: constant(0), bias: false, rng: new Rng(0) });
    const optimizer = new SGD(layer, { lr: 1 });
    optimizer.follow(workerData);
    for (let i = 0; i < ${steps}; i++) scope(() => {
      optimizer.zeroGrad();
      backward(layer.forward(tensor([[-1, -1]])).sum());
      optimizer.step();
    });
    optimizer.dispose();
    layer.dispose();
    parentPort.postMessage('done');
  `);
  await Promise.all(Array.from({ length: 4 }, () => ended(new Worker(url, { workerData: told }))));
  expect(layer.weight.tolist()).toEqual([[1 + 4 * steps, 1 + 4 * steps]]);
  expect(owner.state().steps['weight']).toBe(4 * steps);
  owner.dispose();
  layer.dispose();
});

it('lets one thread at a time go on', async () => {
  const mutex = new Mutex();
  const count = new Int32Array(new SharedArrayBuffer(4));
  const url = program(`
    import { Mutex } from '${optim}';
    const mutex = new Mutex(workerData.lock);
    const count = new Int32Array(workerData.count);
    for (let i = 0; i < 2000; i++) mutex.run(() => { const before = count[0]; for (let k = 0; k < 50; k++); count[0] = before + 1; });
    parentPort.postMessage('done');
  `);
  const workerData = { lock: mutex.memory, count: count.buffer };
  await Promise.all(Array.from({ length: 3 }, () => ended(new Worker(url, { workerData }))));
  expect(count[0]).toBe(6000);
  expect(() => mutex.run(() => { throw new Error('on purpose'); })).toThrow('on purpose'); // biome-ignore format: short
  expect(mutex.run(() => 'free again')).toBe('free again');
});
