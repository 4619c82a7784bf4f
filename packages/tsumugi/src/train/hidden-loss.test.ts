// How far hidden states lie apart, by hand.
import { expect, it } from 'vitest';
import { backward, scope, tensor } from '../torch/index.ts';
import { hiddenLoss } from './hidden-loss.ts';

const counts = () => tensor([[1, 0, 1]]);

it('is the mean square over channels, summed over the tokens that count', () => {
  scope(() => {
    // Squares: (1 + 9) / 2 = 5, then a token that does not count, then (0 + 4) / 2 = 2.
    const student = tensor([[[1, 2], [9, 9], [3, 3]]]); // biome-ignore format: a matrix
    const teacher = tensor([[[0, -1], [0, 0], [3, 5]]]); // biome-ignore format: a matrix
    expect(hiddenLoss('mse', student, teacher, counts()).item()).toBe(7);
  });
});

it('is 1 − cosine, summed over the tokens that count; 1 for a vector without a direction', () => {
  scope(() => {
    // Cosines: 24/25, then a token that does not count, then −1.
    const student = tensor([[[3, 4], [9, 1], [1, 1]]]); // biome-ignore format: a matrix
    const teacher = tensor([[[4, 3], [1, 9], [-2, -2]]]); // biome-ignore format: a matrix
    expect(hiddenLoss('cosine', student, teacher, counts()).item()).toBeCloseTo(1 / 25 + 2, 6);
    expect(hiddenLoss('cosine', student.mul(0), teacher, counts()).item()).toBe(2);
  });
});

it('asks nothing of the teacher', () => {
  scope(() => {
    const [student, teacher] = [0.5, 2].map((value) => tensor([[[value, 1]]]).requiresGrad_(true)); // biome-ignore format: a pair
    backward(hiddenLoss('mse', student!, teacher!, tensor([[1]])));
    expect(student!.grad!.tolist()).toEqual([[[-1.5, 0]]]);
    expect(teacher!.grad).toBeUndefined();
  });
});
