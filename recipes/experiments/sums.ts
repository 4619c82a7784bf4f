// Sums with a way to the answer, for experiments on preferences: `17+5+38+9=` is answered in steps, `38+17=55 9+5=14 14+55=69`, that take
// any two of the numbers that are left, so one problem has many right answers. Whether an answer is right is what its last number says.
import type { RandomStream } from 'tsumugi/base';
import { byteText, type Piece, SPECIAL_NAMES } from 'tsumugi/text';

export interface SumsShape {
  /** How many numbers a problem has, at least and at most. */
  least: number;
  most: number;
  /** The largest of them. */
  largest: number;
}

export interface Problem {
  prompt: string;
  numbers: readonly number[];
}

export function problem(random: RandomStream, { least, most, largest }: SumsShape): Problem {
  const length = least + random.below(most - least + 1);
  const numbers = Array.from({ length }, () => 1 + random.below(largest));
  return { prompt: `${numbers.join('+')}=`, numbers };
}

/** Problems none of which is in `taken`, which they join. */
export function newProblems(random: RandomStream, shape: SumsShape, count: number, taken: Set<string>): Problem[] {
  const found: Problem[] = [];
  while (found.length < count) {
    const each = problem(random, shape);
    if (taken.has(each.prompt)) continue;
    taken.add(each.prompt);
    found.push(each);
  }
  return found;
}

/** A right answer: two of the numbers that are left, drawn evenly and in either order, are added until one is left. */
export function workedAnswer(random: RandomStream, { numbers }: Problem): string {
  const left = [...numbers];
  const draw = () => left.splice(random.below(left.length), 1)[0]!;
  const steps: string[] = [];
  while (left.length > 1) {
    const [a, b] = [draw(), draw()];
    steps.push(`${a}+${b}=${a + b}`);
    left.push(a + b);
  }
  return steps.join(' ');
}

/** What an answer ends in, undefined when that is no number behind an equals sign. */
export const finalAnswer = (answer: string): string | undefined => /=(\d+)$/.exec(answer)?.[1];

export const isRight = ({ numbers }: Problem, answer: string): boolean =>
  finalAnswer(answer) === String(numbers.reduce((sum, number) => sum + number, 0));

/** A tokenizer's pieces: a character each, and what a vocabulary must have. */
export function sumsPieces(): Piece[] {
  const { unk, bos, eos, pad, op } = SPECIAL_NAMES;
  const controls = [bos, eos, pad, op].map((text) => ({ text, score: 0, type: 'CONTROL' as const }));
  const bytes = Array.from({ length: 256 }, (_, byte) => ({ text: byteText(byte), score: 0, type: 'BYTE' as const }));
  const characters = [...'0123456789+= '].map((text) => ({ text, score: -1, type: 'NORMAL' as const }));
  return [{ text: unk, score: 0, type: 'UNKNOWN' }, ...controls, ...bytes, ...characters];
}
