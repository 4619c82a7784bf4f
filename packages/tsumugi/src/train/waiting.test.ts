// A GPU works while the program goes on, until the program asks for a number: then it waits, and the GPU has nothing to do when it
// has its answer. So a step asks for none before its backward pass is done. Seen here without a GPU, with the addon's kernels out of
// sight: what computes then is what computes on a GPU, operators of libtorch alone.
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { requires } from '../../../../tests/requires.testing.ts';
import { initialWeights, Plamo2, type Plamo2Config, preset } from '../lm/index.ts';
import { gradientStep } from '../loop/index.ts';
import { parameters } from '../nn/index.ts';
import { Adam, AdamW, decayGroups, type Optimizer, RMSprop, SGD } from '../optim/index.ts';
import { makeBatch } from '../text/index.ts';
import { backward, kernelTakes, scope, zeros } from '../torch/index.ts';
import { native } from '../torch/native.ts';
import { multipliesBfloat16, NO_BFLOAT16 } from '../torch/torch.testing.ts';
import { nextTokenLoss } from './loss-function.ts';
import { stepGradients } from './step-gradients.ts';

const config = (changes: Partial<Plamo2Config> = {}) =>
  preset('mini', { num_hidden_layers: 2, vocab_size: 512, attention_window_size: 16, ...changes });
const newModel = (changes?: Partial<Plamo2Config>) => new Plamo2(config(changes), initialWeights(0));
const T = 300; // more than a chunk of the scan, and than a block of attention

/** How often `body` has numbers of a tensor brought to the program, or the program's to a tensor. */
function crossings(body: () => void): Record<string, number> {
  const names = ['item', 'toBytes', 'fromBytes'] as const;
  const watched = names.map((name) => vi.spyOn(native(), name).mockClear());
  body();
  return Object.fromEntries(names.map((name, i) => [name, watched[i]!.mock.calls.length]));
}

const none = { item: 0, toBytes: 0, fromBytes: 0 };

beforeAll(() => {
  const { find } = native();
  native().find = (name, overload) =>
    name.startsWith('tsumugi::') && name !== 'tsumugi::with_gradient' ? -1 : find(name, overload);
  expect(scope(() => kernelTakes('tsumugi::swiglu', zeros([2])))).toBe(false);
});
afterEach(() => void vi.restoreAllMocks());

describe('forward and backward', () => {
  const options = { reduction: 'sum', zLoss: 1e-4 } as const;
  for (const [name, changes, more] of [
    ['in float32', {}, {}],
    ['in bfloat16', {}, { dtype: 'bfloat16' }],
    ['with layers recomputed', {}, { activationCheckpointing: true }],
    ['with full attention alone', { attention_window_size: 4096, mamba_enabled: false }, {}],
    ['with a head of its own', { tie_word_embeddings: false }, {}],
  ] as const)
    it(`ask for nothing ${name}`, requires(!('dtype' in more) || multipliesBfloat16(), NO_BFLOAT16), () => {
      using model = newModel(changes);
      const step = () =>
        scope(() => {
          const [ids, targets] = [1, 2].map(() => zeros([1, T], { dtype: 'int64' }));
          const batch = { ids: ids!, targets: targets!, documents: zeros([1, T], { dtype: 'int32' }) };
          const { loss } = nextTokenLoss(model, batch, { ...options, ...more }, 0);
          backward(loss.div(7));
        });
      step(); // the rows of the rotation are made once
      expect(crossings(step)).toEqual(none);
      scope(() => expect(parameters(model).every(({ grad }) => grad)).toBe(true));
    });
});

describe('an update', () => {
  const optimizers: Record<string, (model: Plamo2) => Optimizer> = {
    AdamW: (model) => new AdamW(decayGroups(model), { weightDecay: 0.1 }),
    'Adam with L2': (model) => new Adam(model, { weightDecay: 0.1 }),
    'SGD with momentum': (model) => new SGD(model, { momentum: 0.9, nesterov: true }),
    'centred RMSprop': (model) => new RMSprop(model, { centered: true, momentum: 0.9 }),
  };
  for (const [name, make] of Object.entries(optimizers))
    it(`asks for nothing with ${name}`, () => {
      using model = newModel();
      using optimizer = make(model);
      scope(() => {
        for (const parameter of parameters(model)) parameter.grad = zeros(parameter.shape);
      });
      const update = () => scope(() => void optimizer.step(1e-3, { gradScale: 0.5 }));
      expect(crossings(update)).toEqual(none);
      expect(crossings(update)).toEqual(none);
    });
});

it('a step asks for its loss, its two sums and the norm of its gradients, and brings its batch', () => {
  using model = newModel();
  using optimizer = new AdamW(model);
  const batch = { ...makeBatch(1, T), predicted: T };
  const gradients = stepGradients(model, () => ({ batch, microRows: 1, tokensSeen: T }), {
    ...({ dtype: 'float32', activationCheckpointing: false, zLoss: 0 } as const),
  });
  const take = gradientStep({ model, optimizer, learningRate: 1e-3, schedule: () => 1, clipNorm: 1, gradients });
  take(0, 0);
  expect(crossings(() => void take(1, 0))).toEqual({ item: 4, toBytes: 0, fromBytes: 2 });
  batch.documents.fill(1, T / 2); // two documents in a row: they are brought, too
  expect(crossings(() => void take(2, 0))).toEqual({ item: 4, toBytes: 0, fromBytes: 3 });
});
