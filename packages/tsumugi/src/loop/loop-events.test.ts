// What the loop writes down about a step, and what it does when it is stopped, fails, or goes on: by a clock that only the
// work moves.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { UserError } from '../base/index.ts';
import { Module, parameter } from '../nn/index.ts';
import { SGD } from '../optim/index.ts';
import { type RunEvent, RunFolder } from '../run/index.ts';
import { listCheckpoints } from '../store/index.ts';
import { scope, tensor, zeros } from '../torch/index.ts';

const silent = { write: () => true };

import { type GradientStep, gradientStep, isDue, type LoopTask, rehearse, runLoop, trainingState } from './index.ts';

class Weights extends Module {
  readonly w = parameter(tensor([1, 2, 3]));
}

let home: string;
let now: number;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'tsumugi-loop-events-'));
  now = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => now);
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(home, { recursive: true });
});

const out = () => join(home, 'run');
const of = <T extends RunEvent['type']>(events: readonly RunEvent[], type: T) =>
  events.filter((event): event is Extract<RunEvent, { type: T }> => event.type === type);

/** A task whose evaluations and checkpoints come at their intervals. */
const every =
  (evaluation: number, checkpoint: number): LoopTask['due'] =>
  (step) => ({
    checkpoint: isDue(checkpoint, step),
    evaluation: step > 0 && isDue(evaluation, step),
    sample: false,
  });

/** Runs four updates of 40 tokens and half a second, or goes on with them after `start`. */
async function run(during: (step: number) => void = () => {}, changes: Partial<LoopTask> = {}, start = 0) {
  using folder = start > 0 ? RunFolder.resume(out()) : RunFolder.create(out(), { name: 'toy', config: {} });
  using log = folder.openEvents(start > 0 ? start : undefined);
  using model = new Weights();
  using optimizer = new SGD(model, { weightDecay: 0 });
  const update: GradientStep = {
    model,
    optimizer,
    learningRate: 0.5,
    clipNorm: 100,
    schedule: (step) => 1 / (step + 1),
    gradients(step) {
      now += 500;
      scope(() => {
        model.w.grad = tensor([3, 4, 0]);
        during(step);
      });
      return { loss: 10 - step, tokens: 40, tokensSeen: 40 * (step + 1), metrics: { extra: step } };
    },
  };
  const task: LoopTask = {
    label: 'toy',
    steps: 4,
    keepLast: 9,
    takeStep: gradientStep(update),
    due: every(2, 0),
    checkpoint: (step, saved) => trainingState({ model, optimizer }, {}, step, saved),
    async evaluate(step) {
      now += 3000;
      return { name: 'held-out', score: 10 - step, metrics: { metric: step } };
    },
    ...changes,
  };
  try {
    const { interrupted } = await runLoop(task, { run: folder, log, stream: silent }, start);
    return { interrupted, events: folder.events(), error: undefined };
  } catch (error) {
    return { interrupted: false, events: folder.events(), error: error as Error };
  } finally {
    optimizer.zeroGrad();
  }
}

it('says of every step what it was, at the speed of its own tokens', async () => {
  const { events } = await run();
  expect(of(events, 'step').map(({ time: _, memoryBytes: __, ...rest }) => rest)).toEqual(
    [0, 1, 2, 3].map((step) => ({
      type: 'step',
      step: step + 1,
      loss: 10 - step,
      lr: 0.5 / (step + 1),
      gradNorm: 5,
      tokens: 40 * (step + 1),
      tokensPerSecond: 80,
      metrics: { extra: step },
    })),
  );
  expect(of(events, 'evaluation').map(({ step, seconds, metrics }) => [step, seconds, metrics])).toEqual([
    [2, 3, { metric: 2 }],
    [4, 3, { metric: 4 }],
  ]);
  expect(of(events, 'end')).toEqual([]); // whoever saves the model says so
});

it('says the highest memory of each step by itself', async () => {
  const { events } = await run(
    (step) =>
      void (
        step === 1 &&
        scope(() =>
          zeros([4 << 20])
            .sum()
            .item(),
        )
      ),
  );
  const memory = of(events, 'step').map(({ memoryBytes }) => memoryBytes!);
  expect(memory[1]! - memory[0]!).toBeGreaterThan(15 << 20);
  expect(memory[1]! - memory[2]!).toBeGreaterThan(15 << 20);
});

it('saves the step at which it is stopped, once', async () => {
  for (const checkpoint of [0, 3]) {
    const stop = (step: number) => void (step === 2 && process.emit('SIGINT', 'SIGINT'));
    const { interrupted, events } = await run(stop, { due: every(0, checkpoint) });
    expect(interrupted).toBe(true);
    expect(listCheckpoints(join(out(), 'checkpoints')).map(({ step }) => step)).toEqual([3]);
    expect(of(events, 'checkpoint').map(({ step }) => step)).toEqual([3]);
    expect(of(events, 'end').map(({ step, reason }) => [step, reason])).toEqual([[3, 'interrupted']]);
    rmSync(out(), { recursive: true });
  }
});

it('writes down why it failed, where that was somebody’s mistake', async () => {
  const { error, events } = await run((step) => {
    if (step === 2) throw new UserError('none', 'no such thing');
  });
  expect(error).toBeInstanceOf(UserError);
  expect(of(events, 'end').map(({ step, reason, message }) => [step, reason, message])).toEqual([
    [2, 'failed', 'no such thing'],
  ]);
});

it('measures, when it goes on, what the log does not have yet, and nothing twice', async () => {
  // Stopped while it measured step 2, which was saved by then.
  const due = every(2, 2);
  const stopping: LoopTask['evaluate'] = async (_, pause) => {
    process.emit('SIGINT', 'SIGINT');
    await pause();
    throw new Error('not stopped');
  };
  const first = await run(undefined, { due, evaluate: stopping });
  expect([first.interrupted, of(first.events, 'evaluation')]).toEqual([true, []]);
  const measured: number[] = [];
  const evaluate: LoopTask['evaluate'] = async (step) => ({
    name: 'held-out',
    score: measured.push(step),
    metrics: { metric: step },
  });
  const stopAt3 = (step: number) => void (step === 2 && process.emit('SIGINT', 'SIGINT'));
  await run(stopAt3, { due, evaluate }, 2);
  expect(measured).toEqual([2]);
  expect(listCheckpoints(join(out(), 'checkpoints')).map(({ step, score }) => [step, score])).toEqual([[2, 1], [3, null]]); // biome-ignore format: pairs
  const { events } = await run(undefined, { due, evaluate }, 3);
  expect(measured).toEqual([2, 4]);
  expect(of(events, 'evaluation').map(({ step }) => step)).toEqual([2, 4]);
});

it('is done when its last measurement is, though a signal came meanwhile', async () => {
  const evaluate: LoopTask['evaluate'] = async (step) => {
    if (step === 4) process.emit('SIGINT', 'SIGINT');
    return { name: 'held-out', score: step, metrics: {} };
  };
  const { interrupted, events } = await run(undefined, { due: every(0, 0), evaluate });
  expect([interrupted, of(events, 'evaluation').length]).toEqual([false, 1]);
});

it('writes a sample once, also when it goes on from there', async () => {
  const due: LoopTask['due'] = (step) => ({ checkpoint: step === 2, evaluation: false, sample: step === 2 });
  const sample: LoopTask['sample'] = async (step) => {
    process.emit('SIGINT', 'SIGINT');
    return { prompt: 'a', text: String(step) };
  };
  expect((await run(undefined, { due, sample })).interrupted).toBe(true);
  const { events } = await run(undefined, { due, sample }, 2);
  expect(of(events, 'sample').map(({ step, text }) => [step, text])).toEqual([[2, '2']]);
});

it('keeps the best and the last: what was best before goes as soon as a score is better', async () => {
  await run(undefined, { due: every(2, 2), keepLast: 1 });
  expect(listCheckpoints(join(out(), 'checkpoints')).map(({ step, score }) => [step, score])).toEqual([[4, 6]]);
});

it('leaves the gradients of a step, before clipping, until the next one', () => {
  using model = new Weights();
  using optimizer = new SGD(model, { weightDecay: 0 });
  const update: GradientStep = {
    model,
    optimizer,
    learningRate: 1,
    clipNorm: 1,
    schedule: () => 1,
    gradients() {
      scope(() => {
        model.w.grad = tensor([3, 4, 0]);
      });
      return { loss: 1, metrics: {} };
    },
  };
  gradientStep(update)(0, 0);
  scope(() => expect(model.w.grad!.tolist()).toEqual([3, 4, 0]));
  optimizer.zeroGrad();
});

it('rehearses the first step three times, forgets its gradients, and takes the better of the last two', () => {
  const took = [9000, 4000, 2500];
  const said: string[] = [];
  const gradients = (step: number) => {
    now += took[said.filter((each) => each.startsWith('step')).length]!;
    said.push(`step ${step}`);
  };
  expect(rehearse(gradients, { zeroGrad: () => void said.push('forgotten') })).toBe(2.5);
  expect(said).toEqual(['step 0', 'forgotten', 'step 0', 'forgotten', 'step 0', 'forgotten']);
});
