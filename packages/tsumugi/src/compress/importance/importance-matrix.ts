// How much each input channel of a matrix is used: the mean squared activation over a text. It weighs the errors of quantization.
// Kept in llama.cpp's own file format (GGUF, since 2025), so either program reads the other's; its older .dat files are read.
import { FormatError, readBytes } from '../../base/index.ts';
import { GgufFile, type GgufTensor, type WrittenFile, writeGguf } from '../../store/index.ts';
import { scope } from '../../torch/index.ts';

export interface ImportanceMatrix {
  /** Mean squared activation of each input channel, by the name of the matrix in GGUF files ("blk.0.ffn_up.weight"). */
  readonly means: ReadonlyMap<string, Float32Array>;
  /** Tokens it was measured over, as far as it is known. */
  readonly tokens: number;
  /** Names of the texts. */
  readonly texts: readonly string[];
}

const SUMS = '.in_sum2';
const COUNTS = '.counts';
/** Tokens of a chunk, which llama.cpp's files count in. */
const chunkTokens = 512;

/** Writes llama.cpp's file of an importance matrix. */
export async function writeImportance(path: string, matrix: ImportanceMatrix): Promise<WrittenFile> {
  const { means, tokens, texts } = matrix;
  const bytes = (values: Float32Array) => [new Uint8Array(values.buffer, values.byteOffset, values.byteLength)];
  const tensors = [...means].flatMap(([name, mean]): GgufTensor[] => [
    {
      name: name + SUMS,
      type: 'F32',
      shape: [1, mean.length],
      pieces: () => bytes(mean.map((value) => value * tokens)),
    },
    { name: name + COUNTS, type: 'F32', shape: [1, 1], pieces: () => bytes(Float32Array.of(tokens)) },
  ]);
  const metadata = {
    'general.type': { string: 'imatrix' },
    'imatrix.datasets': { strings: texts },
    'imatrix.chunk_count': { u32: Math.max(1, Math.ceil(tokens / chunkTokens)) },
    'imatrix.chunk_size': { u32: chunkTokens },
  };
  return writeGguf(path, metadata, tensors);
}

/** Of a file: the largest models have some 100 MB. */
const mostBytes = 1 << 30;

/**
 * Reads an importance matrix of ours or of llama.cpp, in GGUF or the older format.
 *
 * @throws DataError when the file cannot be opened, FormatError when it is no importance matrix
 */
export function readImportance(path: string): ImportanceMatrix {
  const bytes = readBytes(path, mostBytes);
  return bytes.subarray(0, 4).toString('latin1') === 'GGUF' ? readFromGguf(path) : readDat(bytes, path);
}

const refusal = (path: string, fault: string) =>
  new FormatError('bad-imatrix', `${path} ${fault}`, {
    remedy: 'Give a file that llama-imatrix or "tsumugi export --save-imatrix" wrote, or the text itself (--text).',
    fields: { path },
  });

function readFromGguf(path: string): ImportanceMatrix {
  using file = new GgufFile(path);
  const means = new Map<string, Float32Array>();
  let tokens = 0;
  for (const name of file.tensors.keys()) {
    if (!name.endsWith(SUMS)) continue;
    const matrix = name.slice(0, -SUMS.length);
    if (!file.tensors.has(matrix + COUNTS)) throw refusal(path, `has no counts of "${matrix}"`);
    const [sums, counts] = scope(() => [SUMS, COUNTS].map((end) => file.tensor(matrix + end).data() as Float32Array));
    const [count] = counts!;
    // More counts than one are those of experts, which PLaMo 2 has none of.
    if (counts!.length !== 1 || !(count! >= 0)) throw refusal(path, `has ${counts!.length} counts of "${matrix}"`);
    if (count === 0) continue;
    tokens = Math.max(tokens, count!);
    means.set(
      matrix,
      checked(
        sums!.map((sum) => sum / count!),
        matrix,
        path,
      ),
    );
  }
  if (means.size === 0) throw refusal(path, 'holds no importance matrix');
  const texts = file.metadata.get('imatrix.datasets');
  return { means, tokens, texts: Array.isArray(texts) ? texts.map(String) : [] };
}

/** Until 2025: a count of entries; for each, its name, in how many chunks, how many sums, the sums (all of 4 bytes). */
function readDat(bytes: Buffer, path: string): ImportanceMatrix {
  let at = 0;
  const take = (length: number) => {
    if (length < 0 || at + length > bytes.length) throw refusal(path, 'is no importance matrix, or was cut off');
    at += length;
    return bytes.subarray(at - length, at);
  };
  const integer = () => take(4).readInt32LE();
  const entries = integer();
  if (entries < 1 || entries > 1 << 16) throw refusal(path, 'is no importance matrix');
  const means = new Map<string, Float32Array>();
  let chunks = 0;
  for (let i = 0; i < entries; i++) {
    const name = take(integer()).toString('utf8');
    const calls = integer();
    const count = integer();
    if (count < 1) throw refusal(path, `has ${count} sums of "${name}"`);
    const sums = new Float32Array(Uint8Array.from(take(4 * count)).buffer);
    chunks = Math.max(chunks, calls);
    means.set(name, checked(calls > 0 ? sums.map((sum) => sum / calls) : sums, name, path));
  }
  return { means, tokens: chunks * chunkTokens, texts: [] };
}

function checked(mean: Float32Array, name: string, path: string): Float32Array {
  if (mean.every((value) => value >= 0 && value < Number.POSITIVE_INFINITY)) return mean;
  throw refusal(path, `has values for "${name}" that are no means of squares`);
}
