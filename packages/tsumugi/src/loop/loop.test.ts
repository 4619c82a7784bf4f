// The loop on a model of three weights: what it saves when an update overflows in the middle of a run.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { UserError } from '../base/index.ts';
import { Module, parameter } from '../nn/index.ts';
import { SGD } from '../optim/index.ts';
import { RunFolder, readEvents } from '../run/index.ts';
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

describe('what is no number', () => {
  const lastEvent = () => readEvents(join(home, 'run', 'events.jsonl')).at(-1);
  const takeStep: LoopTask['takeStep'] = () => ({ event: { metrics: {} }, progress: {} });
  const checkpoint = () => ({ tensors: {}, state: {} });
  const measuring = (metrics: unknown) =>
    run([1], {
      takeStep,
      checkpoint,
      evaluate: async () => ({ name: 'mine', metrics: metrics as Record<string, number> }),
    });

  it.each([
    [{ note: 'good' }, 'the measurement "mine" gave note: string good, expected a number'],
    [{ n: 3n }, 'gave n: bigint 3, expected a number'],
    [{ nested: { a: 1 } }, 'gave nested: an object, expected a number'],
    [[1, 2], 'gave an array, expected an object of numbers'],
    [null, 'gave null, expected an object of numbers'],
  ])('%o is refused as a measurement, and the log says that the run failed', async (metrics, sentence) => {
    const error = await measuring(metrics);
    expect([error?.code, error?.message]).toEqual(['bad-metric', expect.stringContaining(sentence)]);
    expect(lastEvent()).toMatchObject({ type: 'end', reason: 'failed', step: 1 });
  });

  it('is not NaN, nor what was not measured', async () => {
    expect(await measuring({ a: Number.NaN, b: Number.NEGATIVE_INFINITY, c: undefined })).toBeUndefined();
    expect(lastEvent()).toMatchObject({ type: 'evaluation', metrics: { a: null, b: null } });
  });
});

it('says in the log that the run failed, whatever was thrown', async () => {
  for (const thrown of [new TypeError('a hook broke'), 'a text']) {
    rmSync(join(home, 'run'), { recursive: true, force: true });
    const takeStep = () => {
      throw thrown;
    };
    expect(await run([1], { takeStep })).toBe(thrown);
    const last = readEvents(join(home, 'run', 'events.jsonl')).at(-1);
    expect(last).toMatchObject({ type: 'end', reason: 'failed', message: expect.stringContaining('a ') });
  }
});
