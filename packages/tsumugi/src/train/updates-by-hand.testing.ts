// For tests: updates of next-token training taken by hand, in JavaScript's numbers, from a plain loss; and what runs saved.
import { join } from 'node:path';
import type { Plamo2 } from '../lm/index.ts';
import { namedParameters } from '../nn/index.ts';
import { Artefact } from '../store/index.ts';
import { type Batch, IGNORED } from '../text/index.ts';
import { backward, noGrad, scope, type Tensor, tensor } from '../torch/index.ts';
import type { ExtendConfig } from './extend-config.ts';

export type Weights = Map<string, number[]>;

type Settings = Pick<
  ExtendConfig,
  | ('schedule' | 'warmup' | 'decay' | 'floor' | 'learningRate')
  | ('betas' | 'epsilon' | 'weightDecay' | 'clipNorm' | 'zLoss')
>;

/** The share of the peak rate that each of `steps` updates has, by the definition of the schedules. */
function factor({ schedule, warmup, decay = 0.2, floor = 0.1 }: Settings, steps: number, step: number): number {
  if (schedule === 'range-test') return 10 ** (-5 * (1 - step / (steps - 1)));
  const warm = Math.max(1, Math.round(warmup * steps));
  if (step < warm) return (step + 1) / warm;
  const progress = (from: number, length: number) => (step - from) / length;
  if (schedule === 'cosine') return floor + ((1 - floor) * (1 + Math.cos(Math.PI * progress(warm, steps - warm)))) / 2;
  if (schedule === 'linear') return 1 - (1 - floor) * progress(warm, steps - warm);
  const falls = steps - Math.round(decay * steps);
  return schedule === 'wsd' && step >= falls ? 1 - (1 - floor) * progress(falls, steps - falls) : 1;
}

/** The mean loss over all targets of a step, from logits, one target after the other. */
function plainLoss(model: Plamo2, batch: Batch, zLoss: number): Tensor {
  const shape = [batch.rows, batch.columns];
  const ids = tensor(batch.tokens, { shape, dtype: 'int64' });
  const logits = model.logits(model.forward(ids, { documents: tensor(batch.documents, { shape }) })).flatten(0, 1);
  const places = [...batch.targets.keys()].filter((i) => batch.targets[i] !== IGNORED);
  const rows = logits.indexSelect(0, tensor(places, { dtype: 'int64' }));
  const targets = tensor(
    places.map((i) => batch.targets[i]!),
    { dtype: 'int64' },
  );
  const normalizer = rows.logsumexp([-1]);
  const losses = normalizer.sub(rows.gather(1, targets.unsqueeze(1)).squeeze(1)).add(normalizer.pow(2).mul(zLoss));
  return losses.mean();
}

/** Takes `steps` updates by clipping and AdamW (Loshchilov & Hutter, arXiv 1711.05101), and returns the weights then. */
export function trainByHand(model: Plamo2, batchOf: (step: number) => Batch, steps: number, config: Settings): Weights {
  const [beta1, beta2] = config.betas;
  const memory = new Map<string, { m: number[]; v: number[] }>();
  for (let step = 0; step < steps; step++) {
    scope(() => backward(plainLoss(model, batchOf(step), config.zLoss)));
    const gradients = namedParameters(model).map(([, each]) => scope(() => each.grad!.flatten().tolist() as number[]));
    const norm = Math.sqrt(gradients.flat().reduce((sum, g) => sum + g * g, 0));
    const scale = Math.min(1, config.clipNorm / norm);
    const lr = config.learningRate * factor(config, steps, step);
    for (const [i, [name, parameter]] of namedParameters(model).entries()) {
      const { m, v } = memory.get(name) ?? { m: gradients[i]!.map(() => 0), v: gradients[i]!.map(() => 0) };
      memory.set(name, { m, v });
      scope(() => {
        // Matrices decay; the gains of the norms of queries and keys only look like some.
        const isMatrix = parameter.shape.length >= 2 && !/[qk]_weight$/.test(name);
        const decay = isMatrix ? 1 - lr * config.weightDecay : 1;
        const next = (parameter.detach().flatten().tolist() as number[]).map((w, k) => {
          const g = gradients[i]![k]! * scale;
          m[k] = beta1 * m[k]! + (1 - beta1) * g;
          v[k] = beta2 * v[k]! + (1 - beta2) * g * g;
          const mean = m[k]! / (1 - beta1 ** (step + 1));
          return w * decay - (lr * mean) / (Math.sqrt(v[k]! / (1 - beta2 ** (step + 1))) + config.epsilon);
        });
        noGrad(() => parameter.detach().copy_(tensor(next, { shape: parameter.shape })));
      });
      parameter.grad = undefined;
    }
  }
  return weightsOf(model);
}

const numbers = (values: Tensor) => values.detach().flatten().tolist() as number[];

const weightsOf = (model: Plamo2): Weights =>
  new Map(namedParameters(model).map(([name, each]) => [name, scope(() => numbers(each))]));

/** The weights of the model that a run wrote. */
export const savedWeights = (run: string): Weights => weightsIn(join(run, 'model'));

export const weightsIn = (model: string): Weights =>
  scope(() => {
    using file = new Artefact(model).weights();
    return new Map(file.names.map((name) => [name, numbers(file.tensor(name))]));
  });

/** The largest difference between two sets of weights. */
export function distance(a: Weights, b: Weights): number {
  let largest = 0;
  for (const [name, values] of b)
    for (const [k, value] of values.entries()) largest = Math.max(largest, Math.abs(value - a.get(name)![k]!));
  return largest;
}

/** What the loop does with every training alike: settings.test.ts tries it on pre-training, `npm run test:long` on the others as well. */
export const ofTheLoop: readonly string[] = [
  ...['learningRate', 'schedule', 'warmup', 'decay', 'floor', 'betas', 'epsilon', 'weightDecay', 'clipNorm'],
];
