// What one thread writes into a shared tensor, another one reads.
import { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';
import { backward, liveHandles, noGrad, scope, share, takeUp, tensor, unshare, zeros } from './index.ts';

const torch = new URL('index.ts', import.meta.url).href;
const program = `
  import { parentPort, workerData } from 'node:worker_threads';
  import { noGrad, scope, takeUp } from '${torch}';
  const counts = takeUp(workerData.ticket);
  for (let i = 0; i < 1000; i++) noGrad(() => scope(() => void counts.select(0, workerData.place).add_(1)));
  counts.dispose();
  parentPort.postMessage('done');
`;

it('is the same memory in every thread', async () => {
  const before = liveHandles();
  const counts = zeros([4], { dtype: 'float64' }).keep();
  const ticket = share(counts);
  const ends = [0, 1, 2, 3].map(async (place) => {
    const url = new URL(`data:text/javascript,${encodeURIComponent(program)}`);
    const worker = new Worker(url, { workerData: { ticket, place } });
    return new Promise((done, fail) => {
      worker.once('message', done).once('error', fail);
    });
  });
  await Promise.all(ends);
  expect(counts.tolist()).toEqual([1000, 1000, 1000, 1000]);
  unshare(ticket);
  counts.dispose();
  expect(liveHandles()).toBe(before);
});

it('gives each taker gradients of its own, which changes by others do not disturb', () => {
  scope(() => {
    const weight = tensor([2, 3]).requiresGrad_();
    const ticket = share(weight);
    const [a, b] = [takeUp(ticket).requiresGrad_(), takeUp(ticket).requiresGrad_()];
    const loss = a.square().sum();
    noGrad(() => b.mul_(10));
    backward(loss);
    expect(weight.tolist()).toEqual([20, 30]);
    expect(a.grad!.tolist()).toEqual([40, 60]); // of the weights as they are when backward reads them
    expect(weight.grad).toBeUndefined();
    unshare(ticket);
    expect(() => takeUp(ticket)).toThrow(/nothing is shared/);
  });
});
