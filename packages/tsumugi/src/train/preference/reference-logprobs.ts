// What the reference says of answers, once: the same answers under the same model are not gone through again, whatever is learned of
// them. Kept by content, as float64 numbers, a block of answers at a time: what was asked before an interruption, or of the first steps of a
// longer run, is there. How answers go through follows from them alone, not from batch or layout of the run: it would change the rounding, and
// a run that goes on must find the same bits also where the cache is gone.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder, sha256, writeFileAtomic } from '../../base/index.ts';
import { loadModel } from '../../lm/index.ts';
import type { Pause } from '../../loop/index.ts';
import { fromFirst, type Mesh, reduceNumbers, solo } from '../../mesh/index.ts';
import { formatDuration, formatInteger } from '../../run/index.ts';
import { canonicalJson } from '../../store/index.ts';
import { completed, type Example, type ExampleSource, layOut } from '../../text/index.ts';
import { type Device, type DType, noGrad, scope } from '../../torch/index.ts';
import { answerLogprobs } from './answer-logprobs.ts';

/** Raised when the same model and answers give other numbers. */
const version = 2;

/** An answer to a prompt: together they fit in a row. */
export interface Answer {
  prompt: Int32Array;
  answer: Int32Array;
  source: ExampleSource;
}

export interface ReferenceOptions {
  device: Device;
  dtype: DType | undefined;
  /** Answers of a file of the cache: our choice when left out. */
  blockSize?: number | undefined;
  /** Content of the model's folder. */
  modelHash: string;
  pause?: Pause | undefined;
  /** Is told in a line what goes on when it takes long. */
  say?: ((line: string) => void) | undefined;
  /** Its ranks share what is asked; the cache is the first one's. Each comes to `pause` equally often. */
  mesh?: Mesh | undefined;
}

/**
 * log π_ref(y|x) of each answer. The model is loaded, asked, and let go of: while the policy learns there is no second model in memory. The
 * numbers lie in the cache (`reference-logprobs`), where a later run finds them.
 */
export async function referenceLogprobs(
  model: string,
  answers: readonly Answer[],
  options: ReferenceOptions,
): Promise<Float64Array> {
  const { blockSize = 4096, mesh = solo } = options;
  const numbers = new Float64Array(answers.length);
  const tell = teller(options.say, answers.length);
  using opened = new DisposableStack();
  let reference: ReturnType<typeof loadModel> | undefined;
  for (let first = 0; first < answers.length; first += blockSize) {
    const block = answers.slice(first, first + blockSize);
    const own = numbers.subarray(first, first + block.length);
    const file = join(cacheFolder('reference-logprobs'), `${keyOf(block, options)}.f64`);
    const isKept = mesh.rank === 0 && readKept(file, own);
    if (fromFirst(mesh, isKept)) {
      own.set(reduceNumbers(mesh, [...own])); // those of the others are 0
      continue;
    }
    reference ??= opened.use(loadModel(model, { dtype: 'float32', device: options.device }));
    for (const [number, [from, texts]] of [...groupsOf(block)].entries()) {
      if (number % mesh.world === 0) await options.pause?.();
      if (number % mesh.world !== mesh.rank) continue;
      const rows = { layout: 'packed', sequenceLength: Math.max(...texts.map(({ ids }) => ids.length)) } as const;
      const found = scope(() =>
        noGrad(() => answerLogprobs(reference!, layOut(texts, rows), { dtype: options.dtype }).logprobs.tolist()),
      );
      own.set(found as number[], from);
      tell(first + from + texts.length);
    }
    own.set(reduceNumbers(mesh, [...own]));
    if (mesh.rank === 0) writeFileAtomic(file, new Uint8Array(own.slice().buffer));
  }
  return numbers;
}

/** Tokens that go through at a time, where an answer is not longer. */
const tokensAtOnce = 4096;

/** Answers in their order, as many as go through at a time, each with the place of its first. */
function* groupsOf(answers: readonly Answer[]): Generator<[from: number, texts: Example[]]> {
  let [from, tokens, texts] = [0, 0, [] as Example[]];
  for (const [at, { prompt, answer, source }] of answers.entries()) {
    const { length } = prompt;
    if (texts.length > 0 && tokens + length + answer.length > tokensAtOnce) {
      yield [from, texts];
      [from, tokens, texts] = [at, 0, []];
    }
    texts.push(completed(prompt, answer, source));
    tokens += length + answer.length;
  }
  yield [from, texts];
}

const secondsBetween = 10;

/** Tells how far it is, every ten seconds. */
function teller(say: ReferenceOptions['say'], total: number): (done: number) => void {
  const began = performance.now();
  let told = began;
  return (done) => {
    const now = performance.now();
    if (now - told < 1000 * secondsBetween || done === total) return;
    told = now;
    const left = ((now - began) / done) * (total - done);
    say?.(
      `  the reference: ${formatInteger(done)} of ${formatInteger(total)} answers, ${formatDuration(left / 1000)} left`,
    );
  };
}

function keyOf(answers: readonly Answer[], { modelHash, dtype, device }: ReferenceOptions): string {
  const ids = answers.map(({ prompt, answer }) => [prompt, answer].map((each) => each.join()).join(';'));
  const all = sha256(ids.join('\n'));
  return sha256(canonicalJson({ version, model: modelHash, dtype: dtype ?? 'float32', device, answers: all }));
}

/** Fills `numbers` with what is kept of them; false where there is nothing. */
function readKept(file: string, numbers: Float64Array): boolean {
  if (!existsSync(file)) return false;
  const bytes = readFileSync(file);
  if (bytes.length !== numbers.byteLength) return false;
  numbers.set(new Float64Array(new Uint8Array(bytes).buffer));
  return true;
}
