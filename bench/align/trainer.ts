// The model that learns, and what takes the gradients of a step of it: of examples, or of the same rows as pre-training would.
import { RandomStream } from 'tsumugi/base';
import { preset } from 'tsumugi/lm';
import { AdamW, decayGroups } from 'tsumugi/optim';
import { type Example, type ExampleBatch, layOut } from 'tsumugi/text';
import { ExampleSteps, sftLoss, stepGradients } from 'tsumugi/train';
import { disturb, newModel } from '../lib/lm.ts';
import { seconds } from '../lib/sampling.ts';

export const settings = { lr: 1e-4, betas: [0.9, 0.95] as const, eps: 1e-8, weightDecay: 0.1 };
const computing = { dtype: 'float32', activationCheckpointing: false, zLoss: 0 } as const;

/** Questions and answers of random tokens; about a third of them is to be learned, as in instruction data with short answers. */
export function examplesOf(count: number, longest: number, vocabulary: number): Example[] {
  const random = new RandomStream(7);
  return Array.from({ length: count }, (_, i) => {
    const length = Math.floor(longest / 8) + random.below(longest - Math.floor(longest / 8));
    const ids = Int32Array.from({ length }, () => random.below(vocabulary));
    const learned = new Uint8Array(length).fill(1, Math.ceil((2 * length) / 3));
    return { ids, learned, source: { file: 'random', row: i + 1 } };
  });
}

/** Tokens that go through, padding included. */
export const tokensOf = (batch: ExampleBatch) => batch.rows * batch.columns;

const whole = (examples: readonly Example[]) =>
  examples.map((each) => ({ ...each, learned: new Uint8Array(each.ids.length).fill(1) }));

/** Leaves the gradients of a step with the parameters, and gives its loss. */
export type Gradients = () => number;

export class Trainer implements Disposable {
  readonly config = preset('bench');
  readonly model = newModel(this.config);
  readonly groups = decayGroups(this.model, { weightDecay: settings.weightDecay });
  readonly optimizer = new AdamW(this.groups, settings);

  constructor() {
    disturb(this.model);
  }

  gradientsOf(examples: readonly Example[], layout: 'packed' | 'padded', sequenceLength: number): Gradients {
    const batchSize = examples.length;
    const steps = new ExampleSteps(examples, { sequenceLength, batchSize, gradientAccumulation: 1, layout, padding: 0, seed: 0 }); // biome-ignore format: one line of settings
    const lossOf = sftLoss(steps, { neftune: 0, seed: 0 });
    const gradients = stepGradients(this.model, (step) => steps.at(step), computing, { lossOf });
    return this.ofStep(() => gradients(0).loss);
  }

  /** The next-token training of the rows that hold these examples. */
  pretrainingOf(examples: readonly Example[], sequenceLength: number): Gradients {
    const batch = layOut(whole(examples), { layout: 'packed', sequenceLength });
    const gradients = stepGradients(this.model, () => ({ batch, microRows: batch.rows, tokensSeen: 0 }), computing);
    return this.ofStep(() => gradients(0).loss);
  }

  ofStep(gradients: Gradients): Gradients {
    return () => {
      this.optimizer.zeroGrad();
      return gradients();
    };
  }

  /** A sampler of tokens per second: a whole step over so many, the update included. */
  rate(tokens: number, gradients: Gradients, told: (rate: number) => void): () => number {
    return () => {
      const found =
        tokens /
        seconds(() => {
          gradients();
          this.optimizer.step(settings.lr);
        });
      told(found);
      return found;
    };
  }

  [Symbol.dispose](): void {
    this.optimizer.dispose();
    this.model.dispose();
  }
}
