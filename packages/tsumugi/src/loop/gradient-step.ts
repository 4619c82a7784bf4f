// A step of one model and one optimizer: gradients, clipping, update. A kind of training brings only how gradients are made.
import { type Module, parameters } from '../nn/index.ts';
import { clipScale, gradNorm, type Optimizer, type Schedule } from '../optim/index.ts';
import { memory, recordFunction, resetPeakMemory } from '../torch/index.ts';
import { divergedInStep } from './divergence.ts';
import type { StepTaken } from './loop.ts';

/** What one step's forward and backward passes gave. */
export interface StepLoss {
  /** What the progress line shows: for a language model the mean cross-entropy, without further terms. */
  loss: number;
  /** Tokens that went through, where there are tokens. */
  tokens?: number;
  /** Tokens that went through since the run began, this step's included. */
  tokensSeen?: number;
  /** Whatever else is worth logging. */
  metrics: Record<string, number>;
}

export interface GradientStep {
  model: Module;
  optimizer: Pick<Optimizer, 'step' | 'zeroGrad'>;
  /** Learning rate at its peak, and its factor at each step (from 0). */
  learningRate: number;
  schedule: Schedule;
  /** Largest global norm of the gradients. */
  clipNorm: number;
  /** Adds the gradients of step `step` (from 0) to the parameters' `.grad`. */
  gradients(step: number): StepLoss;
}

/**
 * What takes a step, for the loop. The gradients are left as they are for whoever looks at them; the next step begins by
 * forgetting them.
 *
 * @throws UserError `diverged`, from the step, when the loss or the norm of the gradients is not finite: then nothing is updated
 */
export function gradientStep({
  model,
  optimizer,
  learningRate,
  schedule,
  clipNorm,
  gradients,
}: GradientStep): (step: number, saved: number) => StepTaken {
  const trained = parameters(model);
  return (step, saved) => {
    const began = performance.now();
    resetPeakMemory();
    optimizer.zeroGrad();
    const { loss, tokens, tokensSeen, metrics } = recordFunction('gradients', () => gradients(step));
    const norm = gradNorm(trained);
    if (!Number.isFinite(loss) || !Number.isFinite(norm)) throw divergedInStep(model, step + 1, loss, norm, saved);
    const lr = learningRate * schedule(step);
    recordFunction('update', () => optimizer.step(lr, { gradScale: clipScale(norm, clipNorm) }));
    const seconds = (performance.now() - began) / 1000;
    const tokensPerSecond = tokens === undefined ? undefined : tokens / seconds;
    const { peakBytes: memoryBytes } = memory();
    return {
      event: {
        ...{ loss, lr, gradNorm: norm },
        ...(tokensSeen !== undefined && { tokens: tokensSeen }),
        ...(tokensPerSecond !== undefined && { tokensPerSecond }),
        ...{ memoryBytes, metrics },
      },
      progress: { loss, tokensPerSecond },
    };
  };
}
