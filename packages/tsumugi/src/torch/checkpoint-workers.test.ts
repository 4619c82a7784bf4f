// Checkpointing in several threads at once: every worker runs its own segments.
import { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';

const torch = new URL('index.ts', import.meta.url).href;
const program = `
  import { parentPort } from 'node:worker_threads';
  import { backward, checkpoint, scope, tensor } from '${torch}';
  for (let round = 0; round < 200; round++) scope(() => {
    const x = tensor([1, 2, 3], { dtype: 'float64' }).requiresGrad_();
    const loss = checkpoint((input) => input.square().mul(input), x).sum();
    backward(loss);
    if (String(x.grad.tolist()) !== '3,12,27') throw new Error('the gradient is ' + x.grad.tolist());
  });
  parentPort.postMessage('right');
`;

it('is right in four threads at a time', async () => {
  const answers = Array.from({ length: 4 }, async () => {
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(program)}`));
    return new Promise((done, fail) => {
      worker.once('message', done).once('error', fail);
    });
  });
  expect(await Promise.all(answers)).toEqual(['right', 'right', 'right', 'right']);
});
