// What the reference says of all answers, once: the same pairs under the same model are not gone through again, whatever is learned of
// them. Kept by content, as float64 numbers.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder, sha256, writeFileAtomic } from '../../base/index.ts';
import { loadModel } from '../../lm/index.ts';
import type { Pause } from '../../loop/index.ts';
import { formatDuration, formatInteger } from '../../run/index.ts';
import { canonicalJson } from '../../store/index.ts';
import type { PreferenceExample } from '../../text/index.ts';
import { type Device, type DType, noGrad, scope } from '../../torch/index.ts';
import { answerLogprobs } from './answer-logprobs.ts';
import { type PreferenceStepsOptions, pairBatches } from './preference-steps.ts';

/** Raised when the same model and pairs give other numbers. */
const version = 1;

/** log π_ref(y|x) of the chosen and of the rejected answer of each pair. */
export interface ReferenceLogprobs {
  readonly chosen: Float64Array;
  readonly rejected: Float64Array;
}

export interface ReferenceOptions extends Pick<PreferenceStepsOptions, 'layout' | 'sequenceLength' | 'padding'> {
  /** Pairs that go through at a time. */
  batchSize: number;
  device: Device;
  dtype: DType | undefined;
  /** Content of the model's folder. */
  modelHash: string;
  pause?: Pause | undefined;
  /** Is told in a line what goes on when it takes long. */
  say?: ((line: string) => void) | undefined;
}

/**
 * The model is loaded, asked, and let go of: while the policy learns there is no second model in memory. The numbers lie in the cache
 * (`reference-logprobs`), where a later run finds them.
 */
export async function referenceLogprobs(
  model: string,
  pairs: readonly PreferenceExample[],
  options: ReferenceOptions,
): Promise<ReferenceLogprobs> {
  const file = join(cacheFolder('reference-logprobs'), `${keyOf(pairs, options)}.f64`);
  const kept = readKept(file, pairs.length);
  if (kept) return kept;
  const numbers = new Float64Array(2 * pairs.length);
  const began = performance.now();
  let told = began;
  using reference = loadModel(model, { dtype: 'float32', device: options.device });
  let done = 0;
  for (const { batch, pairs: some } of pairBatches(pairs, options)) {
    await options.pause?.();
    const found = scope(() =>
      noGrad(() => answerLogprobs(reference, batch, { dtype: options.dtype }).logprobs.tolist()),
    );
    some.forEach((pair, i) => {
      numbers[pair] = (found as number[])[i]!;
      numbers[pairs.length + pair] = (found as number[])[some.length + i]!;
    });
    done += some.length;
    told = report(options.say, told, { done, total: pairs.length, began });
  }
  writeFileAtomic(file, new Uint8Array(numbers.buffer));
  return sides(numbers);
}

const secondsBetween = 10;

/** Tells how far it is, every ten seconds. Returns when it last told. */
function report(
  say: ReferenceOptions['say'],
  told: number,
  { done, total, began }: { done: number; total: number; began: number },
): number {
  const now = performance.now();
  if (now - told < 1000 * secondsBetween || done === total) return told;
  const left = ((now - began) / done) * (total - done);
  say?.(
    `  the reference: ${formatInteger(done)} of ${formatInteger(total)} pairs, ${formatDuration(left / 1000)} left`,
  );
  return now;
}

/** Layout and batch are not in it: they change nothing but rounding. */
function keyOf(pairs: readonly PreferenceExample[], { modelHash, dtype }: ReferenceOptions): string {
  const ids = pairs.map(({ prompt, chosen, rejected }) =>
    [prompt, chosen, rejected].map((each) => each.join()).join(';'),
  );
  return sha256(canonicalJson({ version, model: modelHash, dtype: dtype ?? 'float32', pairs: sha256(ids.join('\n')) }));
}

function readKept(file: string, pairs: number): ReferenceLogprobs | undefined {
  if (!existsSync(file)) return undefined;
  const bytes = readFileSync(file);
  if (bytes.length !== 16 * pairs) return undefined;
  return sides(new Float64Array(new Uint8Array(bytes).buffer));
}

const sides = (numbers: Float64Array): ReferenceLogprobs => ({
  chosen: numbers.subarray(0, numbers.length / 2),
  rejected: numbers.subarray(numbers.length / 2),
});
