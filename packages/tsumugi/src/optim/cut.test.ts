// An optimizer that updates parts of its parameters: parts together do what one does with all of them.
import { expect, it } from 'vitest';
import { parameter } from '../nn/index.ts';
import { noGrad, ones, scope, type Tensor, tensor } from '../torch/index.ts';
import { AdamW, type Optimizer, RMSprop, SGD } from './index.ts';

const makers: Record<string, (groups: ConstructorParameters<typeof AdamW>[0]) => Optimizer> = {
  AdamW: (groups) => new AdamW(groups, { weightDecay: 0.1 }),
  SGD: (groups) => new SGD(groups, { momentum: 0.9 }),
  RMSprop: (groups) => new RMSprop(groups, {}),
};

const start = [1, -2, 3, 4, -5, 6];
const gradient = (step: number) => start.map((value, i) => Math.sin(value * (step + 1) + i));
const grouped = (weight: Tensor, bias: Tensor) => [
  { parameters: [['weight', weight] as const], lrScale: 0.5 },
  { parameters: [['bias', bias] as const], weightDecay: 0 },
];

it.each(Object.keys(makers))('%s of two parts does what it does whole', (name) => {
  scope(() => {
    const make = makers[name]!;
    const [weight, bias] = [parameter(tensor(start, { shape: [2, 3] })), parameter(ones([2]))];
    using whole = make(grouped(weight, bias));
    // The first has elements 0 to 3 of the weight, the second the other two and the bias.
    const cuts = [
      [0, 4, 0],
      [4, 2, 2],
    ] as const;
    const parts = cuts.map(([from, count, ofBias]) => {
      const [own, ownBias] = [parameter(tensor(start, { shape: [2, 3] })), parameter(ones([2]))];
      const values = noGrad(() => own.detach().view([-1]).narrow(0, from, count));
      const biasValues = noGrad(() => ownBias.detach().narrow(0, 0, ofBias));
      const optimizer = make(grouped(own, ownBias));
      optimizer.cut([
        { parameter: own, from, values },
        { parameter: ownBias, from: 0, values: biasValues },
      ]);
      return { own, ownBias, optimizer, values, biasValues, from, count, ofBias };
    });
    for (let step = 0; step < 3; step++) {
      const given = gradient(step);
      weight.grad = tensor(given, { shape: [2, 3] });
      bias.grad = tensor([0.5, -0.5]);
      whole.step(0.1);
      for (const { optimizer, values, biasValues, from, count, ofBias } of parts) {
        values.grad = tensor(given.slice(from, from + count));
        biasValues.grad = tensor([0.5, -0.5].slice(0, ofBias));
        optimizer.step(0.1);
      }
    }
    const [first, second] = parts.map(({ own }) => own.flatten().tolist() as number[]);
    expect([...first!.slice(0, 4), ...second!.slice(4)]).toEqual(weight.flatten().tolist());
    expect(parts[1]!.ownBias.tolist()).toEqual(bias.tolist());
    // What is not its own is left alone, and steps are counted for it, too.
    expect(first!.slice(4)).toEqual(start.slice(4));
    const state = whole.state();
    for (const { optimizer, from, count } of parts) {
      const { steps, tensors, parts: told } = optimizer.state();
      expect(steps).toEqual({ weight: 3, bias: 3 });
      for (const [kind, found] of Object.entries(tensors)) {
        if (!kind.endsWith('weight')) continue;
        expect(told![kind]).toEqual({ shape: [2, 3], from });
        const expected = (state.tensors[kind]!.flatten().tolist() as number[]).slice(from, from + count);
        expect(found.tolist()).toEqual(expected);
      }
      // It takes its part of what is whole.
      const before = tensors[Object.keys(tensors)[0]!]?.tolist();
      optimizer.loadState({ tensors: state.tensors, steps: state.steps });
      expect(optimizer.state().tensors[Object.keys(tensors)[0]!]?.tolist()).toEqual(before);
      optimizer.dispose();
    }
    for (const { own, ownBias } of parts) for (const each of [own, ownBias]) each.dispose();
    weight.dispose();
    bias.dispose();
  });
});
