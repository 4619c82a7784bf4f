// What decoding remembers: keys and values of attention layers, convolution and SSM state of Mamba layers.
//
//   B batch   K key/value heads   d head size   m Mamba heads   P head size   N state size   k taps
//   attention  k, v [B, length, K, d], keys after QK-norm and RoPE; a windowed layer holds only what a query can reach
//   Mamba      conv [B, m·P, k−1], the last inputs of the convolution; ssm [B, m, P, N] f32 (f64 for f64)
//
// A cache is made for a model, whose device and dtype it has.
import { checkOptions, invariant, type OptionNames } from '../base/index.ts';
import { type Device, type DType, dtypeBytes, scope, type Tensor, zeros } from '../torch/index.ts';
import { isMamba, type Plamo2Config, windowOf } from './config.ts';
import type { AttentionMemory, MambaMemory, PassMemory, ScanInputs } from './layer-memory.ts';
import { windowedAttention } from './ops/attention.ts';
import { causalConv, convState } from './ops/causal-conv.ts';
import { deltaOf, ssdScan } from './ops/ssd-scan.ts';
import { ssmStep } from './ops/ssm-step.ts';
import { mambaWidth } from './tensor-shapes.ts';

const bytesOf = (tensor: Tensor | undefined) => (tensor ? tensor.numel() * dtypeBytes(tensor.dtype) : 0);

/** [B, …] → [copies·B, …], a copy. */
const repeatRows = (tensor: Tensor, copies: number) =>
  copies === 1 ? tensor.clone() : tensor.repeat([copies, ...tensor.shape.slice(1).map(() => 1)]);

export class AttentionCache implements AttentionMemory {
  readonly #window: number | null;
  // Room to append in: the first `#length` rows are in use, and the buffer doubles (or drops the past) when full.
  #k: Tensor | undefined;
  #v: Tensor | undefined;
  #length = 0;

  constructor(window: number | null) {
    this.#window = window;
  }

  attend(q: Tensor, k: Tensor, v: Tensor): Tensor {
    const reach = this.append(k, v);
    return windowedAttention(q, reach.k, reach.v, { window: this.#window });
  }

  /**
   * Adds keys and values [B, T, K, d] and returns what the T new queries can reach: [B, S, K, d], the new ones last.
   */
  append(k: Tensor, v: Tensor): { k: Tensor; v: Tensor } {
    const T = k.size(1);
    // A windowed layer reaches at most `window` rows before the first new query.
    const past = this.#window === null ? this.#length : Math.min(this.#length, this.#window);
    if (!this.#k || !this.#v || this.#length + T > this.#k.size(1)) this.#makeRoom(k, v, past);
    const start = this.#length;
    this.#k!.narrow(1, start, T).copy_(k);
    this.#v!.narrow(1, start, T).copy_(v);
    this.#length += T;
    return {
      k: this.#k!.narrow(1, start - past, past + T),
      v: this.#v!.narrow(1, start - past, past + T),
    };
  }

  /** Moves the last `past` rows into a buffer with room for the new ones and as many again. */
  #makeRoom(k: Tensor, v: Tensor, past: number): void {
    const [B, T, K, d] = k.shape as [number, number, number, number];
    const grow = (old: Tensor | undefined) => {
      const room = zeros([B, Math.max(64, 2 * (past + T)), K, d], { dtype: k.dtype, device: k.device });
      if (old && past > 0) room.narrow(1, 0, past).copy_(old.narrow(1, this.#length - past, past));
      old?.dispose();
      return room.keep();
    };
    invariant(v.shape.join() === k.shape.join(), 'keys and values have one shape');
    this.#k = grow(this.#k);
    this.#v = grow(this.#v);
    this.#length = past;
  }

  get bytes(): number {
    return bytesOf(this.#k) + bytesOf(this.#v);
  }

  fork(copies = 1): AttentionCache {
    const copy = new AttentionCache(this.#window);
    copy.#k = this.#k && repeatRows(this.#k, copies).keep();
    copy.#v = this.#v && repeatRows(this.#v, copies).keep();
    copy.#length = this.#length;
    return copy;
  }

  dispose(): void {
    this.#k?.dispose();
    this.#v?.dispose();
  }
}

export class MambaCache implements MambaMemory {
  conv: Tensor;
  ssm: Tensor;

  constructor(conv: Tensor, ssm: Tensor) {
    this.conv = conv.keep();
    this.ssm = ssm.keep();
  }

  convolve(u: Tensor, weight: Tensor): Tensor {
    const c = causalConv(u, weight, { state: this.conv });
    this.updateConv(u);
    return c;
  }

  scan(inputs: ScanInputs, chunk: number): Tensor {
    return inputs.x.size(1) === 1 ? this.step(inputs) : this.scanChunks(inputs, chunk);
  }

  /** A single token. */
  step({ x, dt, bias, A, B, C, D }: ScanInputs): Tensor {
    const of = (each: Tensor) => each.select(1, 0);
    return ssmStep(this.ssm, { x: of(x), dt: of(dt), bias, A, B: of(B), C: of(C), D }).unsqueeze(1);
  }

  scanChunks({ x, dt, bias, A, B, C, D }: ScanInputs, chunk: number): Tensor {
    const options = { chunk, initialState: this.ssm, returnState: true };
    const { y, state } = ssdScan(x, deltaOf(dt, bias), A, B, C, D, options);
    this.ssm.copy_(state!);
    return y;
  }

  /** Takes the convolution's inputs u [B, T, m·P]. */
  updateConv(u: Tensor): void {
    this.conv.copy_(convState(u, this.conv.size(2) + 1, this.conv));
  }

  get bytes(): number {
    return bytesOf(this.conv) + bytesOf(this.ssm);
  }

  fork(copies = 1): MambaCache {
    return new MambaCache(repeatRows(this.conv, copies), repeatRows(this.ssm, copies));
  }

  dispose(): void {
    this.conv.dispose();
    this.ssm.dispose();
  }
}

/** What a cache is made for: a model. */
export interface CacheOwner {
  readonly config: Plamo2Config;
  readonly parameterDevice: Device;
  readonly parameterDType: DType;
}

/** The states of `batch` empty sequences in a Mamba layer; `dtype` is that of the layer's numbers. */
function emptyMambaCache(owner: CacheOwner, batch: number, dtype: DType): MambaCache {
  const { config, parameterDevice: device } = owner;
  const { mamba_num_heads: m, hidden_size_per_head: P, mamba_d_state: N, mamba_d_conv: k } = config;
  return scope(
    () =>
      new MambaCache(
        zeros([batch, mambaWidth(config), k - 1], { device, dtype }),
        zeros([batch, m, P, N], { device, dtype: dtype === 'float64' ? 'float64' : 'float32' }),
      ),
  );
}

/** A point to return to: what a cache held when `save()` was called. */
export interface SavedPoint extends Disposable {
  readonly length: number;
}

const cacheOptions: OptionNames<{ batch?: number; dtype?: DType }> = { batch: true, dtype: true };

/**
 * The state of one batch of sequences being decoded:
 *
 *     using cache = new Cache(model);
 *     model.forward(prompt, { cache }); // [1, T]
 *     model.forward(next, { cache }); // [1, 1], goes on from there
 */
export class Cache implements PassMemory, Disposable {
  readonly #owner: CacheOwner;
  /** Tokens taken in so far; the next one has this position. */
  length = 0;
  layers: (AttentionCache | MambaCache)[];

  /** `dtype` is what `forward` computes in, where that is not the dtype of the model's parameters. */
  constructor(owner: CacheOwner, options: { batch?: number; dtype?: DType } = {}) {
    checkOptions('Cache', options, cacheOptions);
    this.#owner = owner;
    const { batch = 1, dtype = owner.parameterDType } = options;
    const { config } = owner;
    this.layers = Array.from({ length: config.num_hidden_layers }, (_, i) =>
      isMamba(config, i) ? emptyMambaCache(owner, batch, dtype) : new AttentionCache(windowOf(config, i)),
    );
  }

  startPass(): number {
    return this.length;
  }

  endPass([, T]: readonly number[]): void {
    this.length += T!;
  }

  /** Bytes held, room for coming tokens included. */
  get bytes(): number {
    return this.layers.reduce((sum, layer) => sum + layer.bytes, 0);
  }

  /** An independent copy, or several as the rows of one batch: to continue one prompt in several ways. */
  fork(copies = 1): Cache {
    return scope(() => {
      const copy = new Cache(this.#owner);
      for (const layer of copy.layers) layer.dispose();
      copy.length = this.length;
      copy.layers = this.layers.map((layer) => layer.fork(copies));
      return copy;
    });
  }

  /** Remembers this point; `restore` goes back to it (as often as wanted, until it is disposed). */
  save(): SavedPoint {
    return this.fork();
  }

  restore(point: SavedPoint): void {
    invariant(point instanceof Cache, 'restore takes what save() returned');
    for (const layer of this.layers) layer.dispose();
    this.layers = point.layers.map((layer) => layer.fork());
    this.length = point.length;
  }

  dispose(): void {
    for (const layer of this.layers) layer.dispose();
    this.layers = [];
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
