// Weights that no forward used are named once, after the first step.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Linear, Module } from '../nn/index.ts';
import { SGD } from '../optim/index.ts';
import { RunFolder, readEvents } from '../run/index.ts';
import { backward, ones, Rng, scope } from '../torch/index.ts';
import { gradientStep, runLoop } from './index.ts';

class Net extends Module {
  readonly used = new Linear(2, 1, { bias: false, rng: new Rng(0) });
  readonly forgotten = new Linear(2, 1, { rng: new Rng(1) });
}

it('names them, and leaves them as they are', async () => {
  const home = mkdtempSync(join(tmpdir(), 'tsumugi-unused-'));
  const said: string[] = [];
  {
    using run = RunFolder.create(home, { name: 'toy', config: {} });
    using log = run.openEvents();
    using model = new Net();
    using optimizer = new SGD(model, { weightDecay: 0 });
    const before = model.forgotten.weight.tolist();
    const hooked: object[] = [];
    const takeStep = gradientStep({
      model,
      optimizer,
      learningRate: 0.1,
      clipNorm: 10,
      schedule: () => 0.5,
      gradients: () => {
        scope(() => backward(model.used.forward(ones([1, 2])).sum()));
        return { loss: 3, metrics: { asIs: 1 } };
      },
      afterStep({ step, lr, gradNorm, model: seen }) {
        const gradient = (seen as Net).used.weight.grad!.sum().item();
        hooked.push({ step, lr, gradient, gradNorm: Number(gradNorm.toFixed(6)) });
        return { gradient };
      },
    });
    const task = {
      label: 'toy',
      steps: 2,
      keepLast: 1,
      takeStep,
      due: () => ({ checkpoint: false, evaluation: false, sample: false }),
      checkpoint: () => ({ tensors: {}, state: {} }),
      evaluate: async () => ({ name: 'x', metrics: {} }),
    };
    await runLoop(task, { run, log, stream: { write: (text: string) => said.push(text) } });
    expect(model.forgotten.weight.tolist()).toEqual(before);
    expect(hooked).toEqual(
      [1, 2].map((step) => ({ step, lr: 0.05, gradient: 2, gradNorm: Number(Math.SQRT2.toFixed(6)) })),
    );
    optimizer.zeroGrad();
  }
  const events = readEvents(join(home, 'events.jsonl'));
  const warnings = events.filter(({ type }) => type === 'warning');
  expect(warnings).toMatchObject([{ step: 1, code: 'unused-weights' }]);
  expect(warnings[0]).toHaveProperty('message', expect.stringMatching(/: forgotten\.weight, forgotten\.bias$/));
  expect(said.filter((text) => text.includes('forgotten'))).toHaveLength(1);
  expect(events.filter(({ type }) => type === 'step')).toMatchObject([
    { metrics: { asIs: 1, gradient: 2 } },
    { metrics: { asIs: 1, gradient: 2 } },
  ]);
  rmSync(home, { recursive: true });
});
