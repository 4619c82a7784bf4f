// What comes out when a micro-batch of preferences has gone through a model, and means over many of them.
import type { LossOptions } from '../../lm/index.ts';
import { gatherNumbers, type Mesh, sumRecords } from '../../mesh/index.ts';
import type { Tensor } from '../../torch/index.ts';

/** A mean in the making: a sum, and what it is to be divided by. */
export type Part = readonly [sum: number, weight: number];

export interface Outcome {
  /** Σ over the pairs, or answers. */
  loss: Tensor;
  /** How many they are. */
  count: number;
  /** For the log; asked for once the backward pass is done. */
  parts(): Record<string, Part>;
}

export type OutcomeOptions = Pick<LossOptions, 'dtype' | 'activationCheckpointing' | 'onPart'>;

/** A micro-batch that is to go through; it has no outcome where it makes ready for others. */
export type Work = () => Outcome | undefined;

/** Means over micro-batches, whatever their sizes. */
export class Means {
  readonly #parts = new Map<string, [sum: number, weight: number]>();

  add(parts: Record<string, Part>): void {
    for (const [name, [sum, weight]] of Object.entries(parts)) {
      const part = this.#parts.get(name) ?? [0, 0];
      this.#parts.set(name, [part[0] + sum, part[1] + weight]);
    }
  }

  /** Takes in what the other ranks have, and gives `numbers` of each rank, by rank. */
  gather(mesh: Mesh, numbers: Readonly<Record<string, number>>): Record<string, number>[] {
    if (mesh.world === 1) return [numbers];
    const own = [...this.#parts].flatMap(([name, [sum, weight]]) => [
      [`sum ${name}`, sum],
      [`weight ${name}`, weight],
    ]);
    const all = gatherNumbers(mesh, { ...numbers, ...Object.fromEntries(own) });
    const sums = sumRecords(all);
    this.#parts.clear();
    for (const [key, sum] of Object.entries(sums))
      if (key.startsWith('sum ')) this.#parts.set(key.slice(4), [sum, sums[key.replace('sum', 'weight')]!]);
    return all;
  }

  /** By name; what there was none of is not among them. The margin is that between the two rewards. */
  found(): Record<string, number> {
    const known = [...this.#parts].filter(([, [, weight]]) => weight > 0);
    const means = Object.fromEntries(known.map(([name, [sum, weight]]) => [name, sum / weight]));
    const { chosenReward, rejectedReward } = means;
    if (chosenReward === undefined || rejectedReward === undefined) return means;
    return { ...means, margin: chosenReward - rejectedReward };
  }
}
