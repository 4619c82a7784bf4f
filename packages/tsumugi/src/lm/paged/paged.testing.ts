// For tests of the pool: texts as scripts of passes, and how they come out.
import { replaceModule } from '../../nn/index.ts';
import { noGrad, type Rng, randn, scope } from '../../torch/index.ts';
import { addLora, initialWeights, type LanguageModel, Plamo2, type Plamo2Config, QuantizedLinear } from '../index.ts';
import { smallConfig } from '../lm.testing.ts';
import type { Logits } from '../sampling.ts';
import { decodeRows, readPiece } from './decode-rows.ts';
import type { PagedSequence } from './paged-sequence.ts';

/** A pass of a text: a piece of a prompt, or ids of which the first `keep` stay. */
export type Step = { piece: number[] } | { ids: number[]; keep: number };

export const bitsOf = (logits: Logits): string =>
  Buffer.from(logits.buffer, logits.byteOffset, logits.byteLength).toString('base64');

/** Runs a step by itself; the logits as bits. */
export function runStep(model: LanguageModel, sequence: PagedSequence, step: Step): string[] {
  if ('piece' in step) return [bitsOf(readPiece(model, step.piece, sequence))];
  const [logits] = decodeRows(model, [{ sequence, ids: step.ids }]);
  sequence.keep(step.keep);
  return logits!.map(bitsOf);
}

/** The ids that a script leaves in a text. */
export const idsOf = (steps: readonly Step[]): number[] =>
  steps.flatMap((step) => ('piece' in step ? step.piece : step.ids.slice(0, step.keep)));

/** A small model whose matrices are large enough to be rounded at all, as f32 or f64. */
export function pagedModel(changes: Partial<Plamo2Config> = {}, dtype: 'float32' | 'float64' = 'float32'): Plamo2 {
  const weights = initialWeights(3);
  return new Plamo2(smallConfig(changes), (name, shape) => scope(() => weights(name, shape).to(dtype)));
}

/** Adapters that change what is computed. */
export function adapt(model: Plamo2, rng: Rng, kind: 'lora' | 'dora'): void {
  for (const layer of addLora(model, { rank: 3, kind }).values())
    noGrad(() => scope(() => void layer.lora_B.weight.copy_(randn(layer.lora_B.weight.shape, rng).mul(0.1))));
}

/** Puts a matrix in few bits (fp8) into a layer's place. */
export function quantize(
  model: Plamo2,
  path: string,
  [outFeatures, inFeatures]: readonly [number, number],
  rng: Rng,
): void {
  const stored = { layout: 'fp8', inFeatures, outFeatures, bits: 8, groups: 1, storedZero: 1 } as const;
  const layer = scope(() => {
    const weight = randn([outFeatures, inFeatures], rng).mul(30).add(60).clamp(0, 100).to('uint8');
    return new QuantizedLinear(stored, { weight, weight_scale: randn([], rng).abs().mul(0.05) });
  });
  replaceModule(model, path, layer).dispose();
}
