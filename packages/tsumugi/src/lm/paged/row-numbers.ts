// Numbers of rows that are handed out, shared and given back: a count of owners for each.
import { invariant } from '../../base/index.ts';

export class RowNumbers {
  /** Owners of each number that was ever handed out; 0: it is free. */
  readonly #owners: number[] = [];
  readonly #free: number[] = [];

  /** Numbers in use. */
  get used(): number {
    return this.#owners.length - this.#free.length;
  }

  take(): number {
    const number = this.#free.pop() ?? this.#owners.length;
    this.#owners[number] = 1;
    return number;
  }

  share(number: number): void {
    this.#owners[number]! += 1;
  }

  isShared(number: number): boolean {
    return this.#owners[number]! > 1;
  }

  giveBack(number: number): void {
    invariant(this.#owners[number]! > 0, 'a row is given back by its owner');
    if (--this.#owners[number]! === 0) this.#free.push(number);
  }
}
