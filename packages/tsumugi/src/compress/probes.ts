// What goes into and comes out of layers while a text goes through a model: PyTorch's forward hooks.
import { Module, moduleAt, replaceModule, type UnaryModule } from '../nn/index.ts';
import type { Tensor } from '../torch/index.ts';

export type See = (input: Tensor, output: Tensor) => void;

/** Stands in the place of a layer. */
class Probe extends Module {
  inner: UnaryModule;
  readonly #see: See;

  constructor(inner: UnaryModule, see: See) {
    super();
    this.inner = inner;
    this.#see = see;
  }

  forward(x: Tensor): Tensor {
    const y = this.inner.forward(x);
    this.#see(x, y);
    return y;
  }
}

/** Disposed, it leaves the model as it was. */
export class Probes implements Disposable {
  readonly #root: Module;
  readonly #inner = new Map<string, UnaryModule>();

  constructor(root: Module) {
    this.#root = root;
  }

  /** Shows `see` every input and output of the layer at a path that takes part through `forward` alone. */
  watch(path: string, see: See): void {
    const inner = moduleAt(this.#root, path) as UnaryModule;
    replaceModule(this.#root, path, new Probe(inner, see));
    this.#inner.set(path, inner);
  }

  [Symbol.dispose](): void {
    for (const [path, inner] of this.#inner) replaceModule(this.#root, path, inner);
  }
}
