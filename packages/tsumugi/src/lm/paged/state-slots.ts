// The states of Mamba layers in numbered slots: a slot holds a text's states in all of them. Slot 0 stays the state before a first token.
import { dtypeBytes, type Tensor } from '../../torch/index.ts';
import type { CacheOwner } from '../cache.ts';
import { mambaWidth } from '../tensor-shapes.ts';
import { RowNumbers } from './row-numbers.ts';
import { RowStore } from './row-store.ts';

export const EMPTY_SLOT = 0;

export class StateSlots implements Disposable {
  /** Bytes of a slot, in all layers; 0 without Mamba layers. */
  readonly slotBytes: number;
  readonly numbers = new RowNumbers();
  /** By layer of the model: conv [slots, k−1, C], ssm [slots, m, P, N]. */
  readonly #stores = new Map<number, { conv: RowStore; ssm: RowStore }>();

  constructor(owner: CacheOwner, layers: readonly number[], bytes: number) {
    const { config, parameterDType: dtype, parameterDevice: device } = owner;
    const { mamba_num_heads: m, hidden_size_per_head: P, mamba_d_state: N, mamba_d_conv: k } = config;
    const wide = dtype === 'float64' ? 'float64' : 'float32';
    const inputs = (k - 1) * mambaWidth(config) * dtypeBytes(dtype);
    this.slotBytes = layers.length * (inputs + m * P * N * dtypeBytes(wide));
    const most = 1 + Math.max(1, Math.floor(bytes / this.slotBytes));
    for (const layer of layers)
      this.#stores.set(layer, {
        conv: new RowStore([k - 1, mambaWidth(config)], most, { dtype, device }),
        ssm: new RowStore([m, P, N], most, { dtype: wide, device }),
      });
    this.numbers.take(); // EMPTY_SLOT
  }

  get usedBytes(): number {
    return (this.numbers.used - 1) * this.slotBytes;
  }

  states(layer: number): { conv: Tensor; ssm: Tensor } {
    const { conv, ssm } = this.#stores.get(layer)!;
    return { conv: conv.rows, ssm: ssm.rows };
  }

  take(): number {
    const number = this.numbers.take();
    for (const store of this.#all()) store.makeRoom(number);
    return number;
  }

  #all(): RowStore[] {
    return [...this.#stores.values()].flatMap(({ conv, ssm }) => [conv, ssm]);
  }

  [Symbol.dispose](): void {
    for (const store of this.#all()) store[Symbol.dispose]();
  }
}
