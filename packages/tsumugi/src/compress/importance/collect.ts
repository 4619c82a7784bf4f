// Measures an importance matrix: a text goes through the model, and the squares of what enters each matrix are added up.
import { DataError } from '../../base/index.ts';
import { idsRow, type LanguageModel, type Plamo2 } from '../../lm/index.ts';
import { namedModules } from '../../nn/index.ts';
import { noGrad, scope, type Tensor, zeros } from '../../torch/index.ts';
import { Probes } from '../probes.ts';

export interface CollectOptions {
  /** Called after each text with how many were read; may wait, and may throw to end it. */
  onText?: ((done: number) => Promise<void> | void) | undefined;
}

/** Mean squared input of each linear map of a model, by its path: float32 of its input width. */
export interface Activations {
  readonly means: ReadonlyMap<string, Float32Array>;
  readonly tokens: number;
}

/**
 * Mean squared activations of every matrix that takes part through `forward`, and of the head's input (under the path of the head,
 * which is the embedding's where they are tied). The model is as before afterwards.
 *
 * @param texts token ids, at least one; longer texts measure what comes late in a text, too
 * @throws DataError when there is no token
 */
export async function collectActivations(
  model: Plamo2,
  texts: Iterable<readonly number[]>,
  { onText }: CollectOptions = {},
): Promise<Activations> {
  const head = model.lm_head ? 'lm_head' : 'model.embed_tokens';
  const paths = [...namedModules(model)].map(([path]) => path).filter((path) => /_proj$/.test(path));
  using stack = new DisposableStack();
  const probes = stack.use(new Probes(model));
  const sums = new Map([...paths, head].map((path) => [path, stack.use(new SquareSums())]));
  for (const path of paths) probes.watch(path, (input) => sums.get(path)!.add(input));
  const headSums = sums.get(head)!;
  let done = 0;
  for (const ids of texts) {
    if (ids.length > 0) read(model, ids, headSums);
    await onText?.(++done);
  }
  const tokens = headSums.rows;
  if (tokens === 0)
    throw new DataError('no-calibration-text', 'the text to measure the activations with has no tokens', {
      remedy: 'Give a text of some thousand characters.',
    });
  return { means: new Map(Array.from(sums, ([path, each]) => [path, each.mean()])), tokens };
}

function read(model: LanguageModel, ids: readonly number[], head: SquareSums): void {
  noGrad(() =>
    scope(() => {
      head.add(model.forward(idsRow(ids, model.parameterDevice)));
    }),
  );
}

/** Σ x² of each channel, in float64. */
class SquareSums implements Disposable {
  rows = 0;
  #sums: Tensor | undefined;

  /** [..., n] */
  add(x: Tensor): void {
    scope(() => {
      const flat = x
        .detach()
        .reshape([-1, x.size(-1)])
        .double();
      this.rows += flat.size(0);
      this.#sums ??= zeros([x.size(-1)], { dtype: 'float64', device: x.device }).keep();
      this.#sums.add_(flat.square().sum(0));
    });
  }

  /** [n] */
  mean(): Float32Array {
    return this.#sums
      ? Float32Array.from(this.#sums.data() as Float64Array, (sum) => sum / this.rows)
      : new Float32Array();
  }

  [Symbol.dispose](): void {
    this.#sums?.dispose();
  }
}
