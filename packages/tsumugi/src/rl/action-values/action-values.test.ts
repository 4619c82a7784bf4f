// What values of actions say of the best one, of advantages and of some of their batch.
import { describe, expect, it } from 'vitest';
import { scope, type Tensor, tensor } from '../../torch/index.ts';
import { Box } from '../spaces/index.ts';
import { DiscreteValues, DistributionalValues, QuadraticValues, QuantileValues } from './index.ts';

const index = (...rows: number[]) => tensor(rows, { dtype: 'int64' });
const list = (x: Tensor) => x.tolist() as number[];
const close = (found: Tensor, wanted: readonly number[]) =>
  wanted.forEach((value, i) => void expect(list(found)[i]).toBeCloseTo(value, 5));

const q = [[1, 3, 2], [0, -1, -2]]; // biome-ignore format: a table
/** The same as numbers, as distributions over atoms, and as quantiles. */
const kinds: Readonly<Record<string, () => DiscreteValues>> = {
  numbers: () => new DiscreteValues(tensor(q)),
  // Of the atoms −4, 0 and 4: no more than the two ends are needed.
  atoms: () => {
    const p = q.map((row) => row.map((value) => [0.5 - value / 8, 0, 0.5 + value / 8]));
    return new DistributionalValues(tensor(p), tensor([-4, 0, 4]));
  },
  quantiles: () => {
    const z = q.map((row) => [
      row.map((value) => value - 5),
      row.map((value) => value + 6),
      row.map((value) => value - 1),
    ]);
    return new QuantileValues(tensor(z));
  },
};

describe.each(Object.entries(kinds))('of discrete actions as %s', (_, make) => {
  it('are means, of which the largest is best', () => {
    scope(() => {
      const values = make();
      close(values.q.flatten(), q.flat());
      expect(list(values.greedyActions())).toEqual([1, 0]);
      close(values.max(), [3, 0]);
      close(values.evaluateActions(index(2, 1)), [2, -1]);
      close(values.advantage(index(2, 1)), [-1, -1]);
      // What the other one thinks best counts by these values.
      const chooser = new DiscreteValues(tensor([[9, 0, 0], [0, 0, 9]])); // biome-ignore format: a table
      close(values.doubleAdvantage(index(2, 1), chooser), [2 - 1, -1 + 2]);
    });
  });

  it('are the same for some of the batch', () => {
    scope(() => {
      const some = make().rows(index(1, 1, 0));
      close(some.q.flatten(), [...q[1]!, ...q[1]!, ...q[0]!]);
      expect(list(some.greedyActions())).toEqual([0, 0, 1]);
    });
  });
});

it('the mean under a softmax depends on its temperature', () => {
  scope(() => {
    const values = kinds['numbers']!();
    for (const beta of [0, 1, 3]) {
      const wanted = q.map((row) => {
        const weights = row.map((value) => Math.exp(beta * value));
        const sum = weights.reduce((a, b) => a + b);
        return row.reduce((mean, value, a) => mean + (value * weights[a]!) / sum, 0);
      });
      close(values.expectation(beta), wanted);
    }
  });
});

it('distributions and quantiles are those of the actions', () => {
  scope(() => {
    const atoms = kinds['atoms']!() as DistributionalValues;
    close(atoms.distributionOf(index(0, 2)).flatten(), [0.375, 0, 0.625, 0.75, 0, 0.25]);
    close(atoms.maxDistribution().flatten(), [0.125, 0, 0.875, 0.5, 0, 0.5]);
    const quantiles = kinds['quantiles']!() as QuantileValues;
    close(quantiles.quantilesOf(index(1, 2)).flatten(), [-2, 9, 2, -7, 4, -3]);
  });
});

describe('that are quadratic', () => {
  const mu = [[0.5, 3], [0, 0]]; // biome-ignore format: a table
  const p = [[[2, 1], [1, 3]], [[1, 0], [0, 1]]]; // biome-ignore format: a table
  const box = new Box(-1, 1, [2]);
  const make = (space?: Box) => new QuadraticValues(tensor(mu), tensor(p), tensor([4, 5]), space);
  const at = (row: number, [a, b]: readonly number[]) => {
    const [x, y] = [a! - mu[row]![0]!, b! - mu[row]![1]!];
    const [[k, l], [m, n]] = p[row] as [[number, number], [number, number]];
    return [4, 5][row]! - 0.5 * (k * x * x + (l + m) * x * y + n * y * y);
  };

  it('are V − ½ (u − μ)ᵀ P (u − μ)', () => {
    scope(() => {
      const actions = [[0, 1], [-1, 0.5]]; // biome-ignore format: a table
      close(make().evaluateActions(tensor(actions)), [at(0, actions[0]!), at(1, actions[1]!)]);
      close(make().max(), [4, 5]);
      close(make().advantage(tensor(actions)), [at(0, actions[0]!) - 4, at(1, actions[1]!) - 5]);
    });
  });

  it('are best in the box, by what they are there', () => {
    scope(() => {
      const values = make(box);
      expect(values.greedyActions().tolist()).toEqual([[0.5, 1], [0, 0]]); // biome-ignore format: a table
      const best = at(0, [0.5, 1]);
      expect(best).toBeLessThan(4);
      close(values.max(), [best, 5]);
      close(values.advantage(tensor([[0.5, 1], [0, 0]])), [0, 0]); // biome-ignore format: a table
    });
  });

  it('are the same for some of the batch, box and all', () => {
    scope(() => {
      const some = make(box).rows(index(1, 0, 0));
      expect(some.greedyActions().tolist()).toEqual([[0, 0], [0.5, 1], [0.5, 1]]); // biome-ignore format: a table
      close(some.max(), [5, at(0, [0.5, 1]), at(0, [0.5, 1])]);
    });
  });
});
