// What a rank does in a step, with gradients in several buckets and several backwards: what is sent, when, and what comes of it.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { backward, noGrad, ones, scope, type Tensor, tensor } from '../torch/index.ts';
import { GradientBuckets } from './buckets.ts';
import { broadcastAll } from './exchange.ts';
import type { Mesh } from './mesh.ts';
import type { StepExchange } from './step-exchange.ts';
import { toldMesh } from './told-mesh.testing.ts';
import { OptimizerShards } from './zero1.ts';
import { GradientShards } from './zero2.ts';
import { WeightShards } from './zero3.ts';

/** From the end a bucket of 1 and 2 numbers, one of 8, one of 5, each filled up to a multiple of the world. */
const bucketBytes = 12;
const sizes = [5, 8, 2, 1];
let parameters: Tensor[];
beforeEach(() => {
  parameters = sizes.map((size, i) =>
    scope(() =>
      ones([size])
        .mul(i + 1)
        .requiresGrad_()
        .keep(),
    ),
  );
});
afterEach(() => {
  for (const parameter of parameters) parameter.dispose();
});

/** Gradients of 1, 2, … times `factor` for each element of a parameter; `used`: the parameters in the order of the forward. */
function goBackward(factor: number, used: readonly number[] = [0, 1, 2, 3]): void {
  scope(() => {
    let sum = tensor(0);
    for (const i of used) {
      const weights = tensor(Array.from({ length: sizes[i]! }, (_, k) => factor * (k + 1)));
      sum = sum.add(parameters[i]!.mul(weights).sum());
    }
    backward(sum);
  });
}

const numbers = (t: Tensor | undefined) => (t === undefined ? undefined : (t.flatten().tolist() as number[]));
const gradientsOf = () => parameters.map((parameter) => scope(() => numbers(parameter.grad)));
/** What all ranks have together, where each has `factor`. */
const gradientsTo = (factor: number) => sizes.map((size) => Array.from({ length: size }, (_, k) => factor * (k + 1)));

describe('gradients in buckets', () => {
  it.each([[[0, 1, 2, 3]], [[3, 2, 1, 0]], [[1, 3, 0, 2]]])(
    'are sent in one order while the last backward goes on, whatever the order in which they are made: %o',
    (used) => {
      const mesh = toldMesh(0, 2);
      using buckets = new GradientBuckets(mesh, parameters, bucketBytes);
      // Before a step, as after it, nothing is.
      buckets.beforeLast();
      goBackward(1, used);
      expect(mesh.begun).toEqual([]);
      for (const factor of [1, 10]) {
        mesh.begun.length = 0;
        buckets.begin();
        goBackward(factor, used);
        expect(mesh.begun).toEqual([]);
        buckets.beforeLast();
        goBackward(2 * factor, used);
        expect(mesh.begun).toEqual(['allReduce 4', 'allReduce 8', 'allReduce 6']);
        buckets.finish();
        expect(gradientsOf()).toEqual(gradientsTo(2 * 3 * factor));
      }
      buckets.beforeLast();
      goBackward(1, used);
      buckets.afterLast();
      expect(mesh.begun).toHaveLength(3);
    },
  );

  it('are there of a parameter that has one on any rank, and of no other', () => {
    const told = {
      reduced: (_: Tensor, operation: string) => (operation === 'max' ? tensor([0, 1, 1, 1]) : undefined),
    };
    for (const [others, expected] of [
      [{}, [0, 0, 1, 1]],
      [told, [0, 1, 1, 1]],
    ] as const) {
      using buckets = new GradientBuckets(toldMesh(1, 2, others), parameters, bucketBytes);
      for (const used of [
        [0, 1, 2, 3],
        [2, 3],
      ]) {
        buckets.begin();
        buckets.beforeLast();
        goBackward(1, used);
        buckets.finish();
      }
      expect(gradientsOf().map((each) => Number(each !== undefined))).toEqual(expected);
    }
  });

  it('are all sent by a rank without rows, in the same order', () => {
    const mesh = toldMesh(1, 3);
    using buckets = new GradientBuckets(mesh, parameters, bucketBytes);
    buckets.begin();
    buckets.afterLast();
    expect(mesh.begun).toEqual(['allReduce 3', 'allReduce 9', 'allReduce 6']);
    buckets.finish();
    expect(mesh.begun).toHaveLength(3);
    expect(gradientsOf()).toEqual(sizes.map(() => undefined));
  });
});

/** The others have −7 wherever this rank has something. */
const meshOf = (rank: number, world: number) =>
  toldMesh(rank, world, { gathered: (own) => ones([own.numel()]).mul(-7) });

type Made = StepExchange & { readonly pieces: NonNullable<StepExchange['pieces']> };
const kinds: readonly (readonly [string, (mesh: Mesh) => Made])[] = [
  ['zero1', (mesh) => new OptimizerShards(mesh, parameters, bucketBytes)],
  ['zero2', (mesh) => new GradientShards(mesh, parameters, bucketBytes)],
  [
    'zero3',
    (mesh) =>
      new WeightShards(mesh, { layers: [[parameters[1]!], [parameters[2]!, parameters[3]!]], rest: [parameters[0]!] }),
  ],
];
const places = [[0, 2], [1, 2], [2, 3]] as const; // biome-ignore format: a list
const cases = kinds.flatMap(([name, make]) => places.map(([rank, world]) => ({ name, rank, world, make })));

describe.each(cases)('$name on rank $rank of $world', ({ name, rank, world, make }) => {
  const step = (exchange: Made, factors: readonly number[], used?: readonly number[]) => {
    exchange.begin();
    for (const [i, factor] of factors.entries()) {
      if (i === factors.length - 1) exchange.beforeLast();
      goBackward(factor, used);
      exchange.afterBackward?.();
    }
    exchange.afterLast();
    exchange.finish();
  };
  const own = (exchange: Made, of: readonly (readonly number[])[]) =>
    exchange.pieces.map(({ parameter, from, values }) =>
      of[parameters.indexOf(parameter)]!.slice(from, from + values.numel()),
    );

  it('has its part of the sums of all backwards of a step, anew in each', () => {
    using exchange = make(meshOf(rank, world));
    for (const factors of [[1, 2, 4], [10], [5, 5]]) {
      step(exchange, factors);
      const sum = factors.reduce((a, b) => a + b, 0);
      expect(exchange.pieces.map(({ values }) => scope(() => numbers(values.grad) ?? []))).toEqual(
        own(exchange, gradientsTo(world * sum)),
      );
      exchange.updated();
      exchange.weights?.gather();
    }
    expect(exchange.pieces.some(({ values }) => values.numel() > 0)).toBe(true);
  });

  it('leaves a parameter without a gradient where no rank has one', () => {
    using exchange = make(meshOf(rank, world));
    step(exchange, [1]);
    exchange.updated();
    exchange.weights?.gather();
    step(exchange, [1, 1], [1, 3]);
    const has = exchange.pieces.map(({ parameter, values }) => [
      parameters.indexOf(parameter),
      scope(() => values.grad !== undefined),
    ]);
    expect(Object.fromEntries(has)).toEqual({ 0: false, 1: true, 2: false, 3: true });
  });

  it('updates its part, and has those of the others', () => {
    const mesh = meshOf(rank, world);
    using exchange = make(mesh);
    exchange.weights?.settle();
    if (name === 'zero3') exchange.weights!.gather();
    step(exchange, [1]);
    const wanted = sizes.map((size) => Array(size).fill(-7));
    for (const { parameter, from, values } of exchange.pieces) {
      const i = parameters.indexOf(parameter);
      for (let k = 0; k < values.numel(); k++) wanted[i]![from + k] = i + 1 + 100;
    }
    noGrad(() => {
      for (const { values } of exchange.pieces) values.add_(100);
    });
    exchange.updated();
    exchange.weights?.gather();
    const flats = world === 2 ? [4, 8, 6] : [3, 9, 6];
    const sent = (what: string) => flats.map((size) => `${what} ${size}`);
    if (name !== 'zero3')
      expect(mesh.begun).toEqual([...sent(name === 'zero1' ? 'allReduce' : 'reduceScatter'), ...sent('allGather')]);
    expect(parameters.map((parameter) => scope(() => numbers(parameter)))).toEqual(wanted);
  });
});

it('broadcasts what rank 0 has, and waits for it', () => {
  const mesh = toldMesh(1, 2);
  broadcastAll(mesh, parameters);
  expect(mesh.begun).toEqual(sizes.map((size) => `broadcast of 0 ${size}`));
  expect(parameters.map((parameter) => scope(() => numbers(parameter)))).toEqual(
    sizes.map((size) => Array(size).fill(0)),
  );
});
