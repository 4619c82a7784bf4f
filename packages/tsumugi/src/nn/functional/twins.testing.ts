// For tests of kernels: a kernel and its plain twin must give the same values and the same gradients, and the kernel the
// same bits on one thread and on two.
import { expect } from 'vitest';
import { backward, numThreads, Rng, randn, scope, setThreads, type Tensor } from '../../torch/index.ts';

export type Operation = (...inputs: Tensor[]) => Tensor | readonly Tensor[];

/** ‖a − b‖ / ‖b‖ over all elements, in f64; ‖a‖ where b is 0. */
export function relativeError(a: Tensor, b: Tensor): number {
  return scope(() => {
    const [wideA, wideB] = [a.to('float64'), b.to('float64')];
    const size = wideB.square().sum().sqrt().item();
    return wideA.sub(wideB).square().sum().sqrt().item() / (size || 1);
  });
}

/** Outputs of `operation`, then the gradients of ⟨random direction, outputs⟩ for every input that requires them. */
export function run(operation: Operation, inputs: readonly Tensor[]): Tensor[] {
  return scope(() => {
    const leaves = inputs.map((input) => input.detach().requiresGrad_(input.requiresGrad));
    const results = operation(...leaves);
    const outputs = Array.isArray(results) ? (results as readonly Tensor[]) : [results as Tensor];
    const direction = new Rng(0x7117);
    const score = outputs
      .map((output) => output.mul(randn(output.shape, direction).to(output.dtype)).sum())
      .reduce((sum, term) => sum.add(term));
    if (score.requiresGrad) backward(score);
    const gradients = leaves.filter((leaf) => leaf.requiresGrad).map((leaf) => leaf.grad!);
    return [...outputs.map((output) => output.detach()), ...gradients];
  });
}

/** Values and gradients of both agree within `tolerance` (relative norm, each tensor by itself). */
export function expectTwins(fast: Operation, plain: Operation, inputs: readonly Tensor[], tolerance = 2e-6): void {
  scope(() => {
    const expected = run(plain, inputs);
    run(fast, inputs).forEach((tensor, i) => {
      expect(tensor.shape, `shape of tensor ${i} (outputs, then gradients)`).toEqual(expected[i]!.shape);
      expect(relativeError(tensor, expected[i]!), `tensor ${i} (outputs, then gradients)`).toBeLessThan(tolerance);
    });
  });
}

/** Values and gradients are the same bits on one thread and on several. */
export function expectThreadIndependent(operation: Operation, inputs: readonly Tensor[]): void {
  const before = numThreads();
  scope(() => {
    try {
      setThreads(1);
      const alone = run(operation, inputs);
      setThreads(3);
      run(operation, inputs).forEach((tensor, i) => {
        expect(Buffer.from(tensor.bytes()).equals(Buffer.from(alone[i]!.bytes())), `tensor ${i}`).toBe(true);
      });
    } finally {
      setThreads(before);
    }
  });
}
