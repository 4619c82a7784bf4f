// The loop on a model of three weights: what it saves when an update overflows in the middle of a run.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { UserError } from '../base/index.ts';
import { Module, parameter } from '../nn/index.ts';
import { SGD } from '../optim/index.ts';
import { RunFolder } from '../run/index.ts';
import { listCheckpoints, loadCheckpoint } from '../store/index.ts';
import { scope, tensor } from '../torch/index.ts';
import { type GradientStep, gradientStep, type LoopTask, runLoop, trainingState } from './index.ts';

const silent = { write: () => true };

class Weights extends Module {
  readonly w = parameter(tensor([1, 2, 3]));
}

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'tsumugi-loop-'));
});
afterEach(() => rmSync(home, { recursive: true }));

/** Runs updates along a gradient of ones, at the rates given. */
async function run(rates: readonly number[], changes: Partial<LoopTask> = {}) {
  using folder = RunFolder.create(join(home, 'run'), { name: 'toy', config: {} });
  using log = folder.openEvents();
  using model = new Weights();
  using optimizer = new SGD(model, { weightDecay: 0 });
  const update: GradientStep = {
    model,
    optimizer,
    learningRate: 1,
    clipNorm: 100,
    schedule: (step) => rates[step]!,
    gradients(step) {
      scope(() => {
        model.w.grad = tensor([1, 1, 1]);
      });
      return { loss: 1, tokens: 1, tokensSeen: step + 1, metrics: {} };
    },
  };
  const task: LoopTask = {
    label: 'toy',
    steps: rates.length,
    keepLast: 9,
    takeStep: gradientStep(update),
    due: () => ({ checkpoint: true, evaluation: false, sample: false }),
    checkpoint: (step, saved) => trainingState({ model, optimizer }, {}, step, saved),
    evaluate: async () => ({ name: 'held-out', score: 1, metrics: {} }),
    ...changes,
  };
  try {
    await runLoop(task, { run: folder, log, stream: silent });
    return undefined;
  } catch (error) {
    return error as UserError;
  } finally {
    optimizer.zeroGrad();
  }
}

const checkpoints = () => listCheckpoints(join(home, 'run', 'checkpoints'));

it('does not save an update that overflowed, names the tensor, and keeps the checkpoint before it', async () => {
  const error = await run([0.5, 0.5, 1e39, 0.5, 0.5]);
  expect([error?.code, error?.fields['tensor']]).toEqual(['diverged', 'w']);
  expect(error?.message).toContain('diverged at step 3: after the update w holds 0 NaN and 3 infinite values');
  expect(error?.message).toContain('the checkpoint of step 2 is intact');
  expect(checkpoints().map(({ step }) => step)).toEqual([1, 2]);
  using last = loadCheckpoint(checkpoints().at(-1)!);
  scope(() => expect(last.tensors('model').tensor('w').tolist()).toEqual([0, 1, 2]));
});

it('removes the checkpoint of a step whose measurement is not finite', async () => {
  const scores = [1, 1, Number.NaN];
  const evaluate = async () => ({ name: 'held-out', score: scores.shift()!, metrics: {} });
  const error = await run([1, 1, 1, 1], {
    evaluate,
    due: (step) => ({ checkpoint: true, evaluation: step > 0, sample: false }),
  });
  expect(error?.message).toContain('diverged at step 3: every weight is finite, but the held-out loss is NaN');
  expect(error?.message).toContain('the checkpoint of step 2 is intact');
  expect(checkpoints().map(({ step, score }) => [step, score])).toEqual([[1, 1], [2, 1]]); // biome-ignore format: pairs
});
