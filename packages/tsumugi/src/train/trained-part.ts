// Which of a model's weights are trained, for forecasts: they are made before there is a model.
import { type Plamo2, type Plamo2Config, tensorShapes } from '../lm/index.ts';
import { numElements } from '../torch/index.ts';

/** What is trained where not all of a model is. */
export interface TrainedPart {
  /** Whether the tensor of this name in checkpoints is frozen; none is when left out. */
  isFrozen?: ((name: string) => boolean) | undefined;
  /** Bytes that frozen weights take; four for each number when left out. */
  frozenBytes?: number | undefined;
  /** Frozen matrices are of another type than float32, and are made that when they are used. */
  asStored?: boolean | undefined;
  /** Numbers that are trained beside the model's own: adapters. */
  added?: number | undefined;
  /** Makes of a small model, which a step is rehearsed on, what is made of the one that is trained. */
  rehearse?: ((model: Plamo2) => void) | undefined;
}

export interface CountedParts {
  /** Of the model, without what is added. */
  parameters: number;
  /** Numbers that have gradients. */
  trained: number;
  frozenBytes: number;
  isHeadFrozen: boolean;
  isEmbeddingFrozen: boolean;
}

export function countParts(config: Plamo2Config, { isFrozen, frozenBytes, added = 0 }: TrainedPart = {}): CountedParts {
  let [parameters, frozen] = [0, 0];
  for (const [name, shape] of tensorShapes(config)) {
    const count = numElements(shape);
    parameters += count;
    if (isFrozen?.(name)) frozen += count;
  }
  const embedding = 'model.embed_tokens.weight';
  const head = config.tie_word_embeddings ? embedding : 'lm_head.weight';
  return {
    parameters,
    trained: parameters - frozen + added,
    frozenBytes: frozenBytes ?? 4 * frozen,
    isHeadFrozen: isFrozen?.(head) ?? false,
    isEmbeddingFrozen: isFrozen?.(embedding) ?? false,
  };
}
