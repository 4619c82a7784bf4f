// Which prompts each rollout answers, and which rollout each update learns from: functions of (seed, step).
import { EpochOrder } from '../../text/index.ts';

export class PromptSteps {
  /** Prompts of a rollout. */
  readonly size: number;
  /** Updates that learn from a rollout. */
  readonly updates: number;
  readonly #count: number;
  readonly #order: EpochOrder;

  constructor(count: number, { size, updates, seed }: { size: number; updates: number; seed: number }) {
    this.size = size;
    this.updates = updates;
    this.#count = count;
    this.#order = new EpochOrder(count, seed);
  }

  /** The rollout that update `step` (from 0) learns from. */
  rolloutOf(step: number): number {
    return Math.floor(step / this.updates);
  }

  /** The prompts of a rollout. */
  promptsOf(rollout: number): number[] {
    return Array.from({ length: this.size }, (_, i) => this.#order.at(rollout * this.size + i));
  }

  /** Epochs finished when update `step` begins, with their fraction. */
  epochAt(step: number): number {
    return (Math.ceil(step / this.updates) * this.size) / this.#count;
  }

  /** Updates of so many epochs, the last rollout begun included. */
  stepsOf(epochs: number): number {
    return Math.ceil((epochs * this.#count) / this.size) * this.updates;
  }
}
