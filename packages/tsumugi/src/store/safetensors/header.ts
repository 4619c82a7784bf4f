// The header of a safetensors file: its layout, the checks a reader must make, and how a writer lays tensors out.
//
// A file is: the header's length (8 bytes, little-endian), the header (UTF-8 JSON, padded with spaces so that the data
// starts at a multiple of 8), the data. The header maps each name to `{ dtype, shape, data_offsets: [begin, end] }`,
// offsets counted from the start of the data, and `__metadata__` to a map of strings. The tensors cover the data without
// overlap or hole. Format: https://github.com/huggingface/safetensors (README, "Format").
import { FormatError, isObject, jsonExcess, MAX_JSON_BYTES } from '../../base/index.ts';
import { type DType, dtypeBytes } from '../../torch/index.ts';
import { duplicateKey } from './duplicate-keys.ts';

/** The longest header any reader accepts, in bytes. */
const MAX_HEADER_BYTES = MAX_JSON_BYTES;
/** The length field before the header. */
export const LENGTH_BYTES = 8;
/** libtorch's iterators hold at most this many dimensions. */
const MAX_DIMENSIONS = 64;

// In the order in which the reference implementation lays tensors out (widest first, so that all are aligned). libtorch's older
// releases have no type for F8_E4M3: its codes are given as they are (`fromFp8` turns them into numbers).
const dtypeOf = {
  I64: 'int64',
  F64: 'float64',
  F32: 'float32',
  I32: 'int32',
  BF16: 'bfloat16',
  F16: 'float16',
  I16: 'int16',
  F8_E4M3: 'uint8',
  I8: 'int8',
  U8: 'uint8',
  BOOL: 'bool',
} as const satisfies Record<string, DType>;
type FormatDType = keyof typeof dtypeOf;
/** Formats of numbers that come as their codes. */
export type StoredCode = 'F8_E4M3';
const formatDtypes = Object.keys(dtypeOf) as FormatDType[];
const codeOf = new Map<DType, FormatDType>(formatDtypes.map((code) => [dtypeOf[code], code]));

/** Dtypes of the format that libtorch's older releases have no type for. */
const unsupported = new Set('F4 F6_E2M3 F6_E3M2 F8_E5M2 F8_E8M0 F8_E4M3FNUZ F8_E5M2FNUZ U16 U32 U64 C64'.split(' '));

export type Metadata = Readonly<Record<string, string>>;

export interface TensorInfo {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** The size of the data in bytes. */
  readonly bytes: number;
  /** What the file calls it, when the numbers are codes that `dtype` is only the container of. */
  readonly stored?: StoredCode | undefined;
}

/** A tensor's place in its file; `offset` is counted from the start of the file. */
export interface TensorEntry extends TensorInfo {
  readonly offset: number;
}

export interface Header {
  readonly metadata: Metadata;
  /** In the order of the data. */
  readonly tensors: ReadonlyMap<string, TensorEntry>;
}

/** An error about a file, or a tensor of it. */
export function formatError(
  code: string,
  path: string,
  tensor: string | undefined,
  problem: string,
  remedy = 'The file is damaged or was not written as safetensors: fetch or make it again.',
): FormatError {
  const subject = tensor === undefined ? path : `${path}: tensor "${tensor}"`;
  return new FormatError(`safetensors-${code}`, `${subject} ${problem}`, {
    remedy,
    fields: { path, ...(tensor !== undefined && { tensor }) },
  });
}

/** Checks the length field. Returns the header's length in bytes. */
export function checkHeaderLength(field: Uint8Array, fileBytes: number, path: string): number {
  if (fileBytes < LENGTH_BYTES)
    throw formatError('too-short', path, undefined, `has ${fileBytes} bytes, too few for a safetensors file`);
  const start = Buffer.from(field.buffer, field.byteOffset, LENGTH_BYTES);
  const [what, remedy] = standIn(start.toString('latin1'));
  if (what) throw formatError('not-weights', path, undefined, `is ${what}, not the weights`, remedy);
  const length = start.readBigUInt64LE();
  if (length > MAX_HEADER_BYTES)
    throw formatError(
      'header-too-large',
      path,
      undefined,
      `is not a safetensors file: its header would have ${length} bytes, the limit is ${MAX_HEADER_BYTES}`,
    );
  if (Number(length) > fileBytes - LENGTH_BYTES)
    throw formatError(
      'truncated',
      path,
      undefined,
      `has ${fileBytes} bytes, but its header alone should have ${length}: the file was cut off`,
    );
  return Number(length);
}

/** What else lies where weights should be, by its first eight bytes: what it is and what to do. */
function standIn(start: string): [what?: string, remedy?: string] {
  if (start === 'version ')
    return ['a pointer of Git LFS', 'Run "git lfs pull" in the folder, or download the file itself.'];
  if (/^\s*<(!doct|html|\?xml)/i.test(start))
    return ['a web page', 'Download the file itself; the site may ask for a login.'];
  if (start.startsWith('GGUF')) return ['a GGUF file', 'Get the model as safetensors.'];
  if (start.startsWith('PK\x03\x04')) return ['a PyTorch file or another ZIP archive', 'Get the model as safetensors.'];
  return [];
}

const isSize = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function parseJson(header: Uint8Array, path: string): Record<string, unknown> {
  if (header[0] !== 0x7b) throw formatError('bad-start', path, undefined, 'has a header that does not begin with "{"');
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(header);
  } catch {
    throw formatError('not-utf8', path, undefined, 'has a header that is not valid UTF-8');
  }
  const excess = jsonExcess(text);
  if (excess) throw formatError('header-too-large', path, undefined, `has a header that ${excess}, more than is read`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw formatError('not-json', path, undefined, `has a header that is not valid JSON: ${(cause as Error).message}`);
  }
  const duplicate = duplicateKey(text);
  if (duplicate) {
    const [tensor, ...within] = duplicate;
    throw formatError('duplicate-key', path, tensor, `${within.length ? `has "${within.join('.')}"` : 'occurs'} twice`);
  }
  return value as Record<string, unknown>;
}

function parseMetadata(value: unknown, path: string): Metadata {
  if (value === null) return {}; // What the reference implementation takes for none.
  if (!isObject(value) || Object.values(value).some((entry) => typeof entry !== 'string'))
    throw formatError('bad-metadata', path, undefined, 'has a "__metadata__" that is not a map of strings');
  return value as Metadata;
}

/** Checks one entry of the header by itself. `begin` and `end` are its offsets in the data. */
function parseEntry(name: string, value: unknown, path: string): TensorInfo & { begin: number; end: number } {
  const fail = (code: string, problem: string) => formatError(code, path, name, problem);
  if (!name.isWellFormed()) throw fail('bad-name', 'has a name that is not valid Unicode');
  if (!isObject(value)) throw fail('bad-entry', 'is not described by an object');
  const { dtype: code, shape, data_offsets: offsets } = value;
  if (typeof code === 'string' && unsupported.has(code))
    throw formatError(
      'unsupported-dtype',
      path,
      name,
      `is ${code}, which is not read; read are ${formatDtypes.join(', ')}`,
      'The file is sound: get the model in BF16, F16 or F32, or convert it with the tool that made it.',
    );
  if (typeof code !== 'string' || !Object.hasOwn(dtypeOf, code))
    throw fail('unknown-dtype', `has the dtype ${JSON.stringify(code)}; known are ${formatDtypes.join(', ')}`);
  const dtype = dtypeOf[code as FormatDType];
  if (!Array.isArray(shape) || !shape.every(isSize) || shape.length > MAX_DIMENSIONS)
    throw fail('bad-shape', `has the shape ${excerpt(shape)}, not a list of at most ${MAX_DIMENSIONS} sizes`);
  // Zeros are left out, so that the sizes around one cannot overflow inside libtorch either.
  let product = dtypeBytes(dtype);
  for (const size of shape) product *= size || 1;
  if (!Number.isSafeInteger(product)) throw fail('overflow', `has the shape ${excerpt(shape)}, too large to address`);
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isSize) || offsets[1]! < offsets[0]!)
    throw fail('bad-offsets', `has the offsets ${excerpt(offsets)}, not [begin, end] with begin ≤ end`);
  const [begin, end] = offsets as [number, number];
  const bytes = shape.includes(0) ? 0 : product;
  if (end - begin !== bytes)
    throw fail('size-mismatch', `takes ${end - begin} bytes, but ${code} ${excerpt(shape)} needs ${bytes}`);
  return { dtype, shape, bytes, ...(code === 'F8_E4M3' && { stored: code }), begin, end };
}

function excerpt(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

/**
 * Parses a header and makes every check of the format.
 *
 * @param header the header's bytes, without the length field
 * @throws FormatError naming the file and the tensor
 */
export function parseHeader(header: Uint8Array, fileBytes: number, path: string): Header {
  const json = parseJson(header, path);
  let metadata: Metadata = {};
  const entries: [string, ReturnType<typeof parseEntry>][] = [];
  for (const [name, value] of Object.entries(json)) {
    if (name === '__metadata__') metadata = parseMetadata(value, path);
    else entries.push([name, parseEntry(name, value, path)]);
  }
  entries.sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);

  const dataStart = LENGTH_BYTES + header.length;
  const dataBytes = fileBytes - dataStart;
  const tensors = new Map<string, TensorEntry>();
  let covered = 0;
  for (const [name, { begin, end, ...info }] of entries) {
    if (begin < covered)
      throw formatError('overlap', path, name, `begins at byte ${begin}, inside the tensor that ends at ${covered}`);
    if (begin > covered)
      throw formatError('hole', path, name, `begins at byte ${begin}, but the tensor before it ends at ${covered}`);
    if (end > dataBytes)
      throw formatError('truncated', path, name, `ends at byte ${end}, but the file's data ends at ${dataBytes}`);
    tensors.set(name, { ...info, offset: dataStart + begin });
    covered = end;
  }
  if (covered !== dataBytes)
    throw formatError('trailing-bytes', path, undefined, `has ${dataBytes - covered} bytes after its last tensor`);
  return { metadata, tensors };
}

const formatCode = ({ dtype, stored }: Pick<TensorInfo, 'dtype' | 'stored'>): FormatDType =>
  stored ?? codeOf.get(dtype)!;

/** Sorts names as the reference implementation lays tensors out: by dtype, widest first, then by the names' bytes. */
export function layoutOrder(a: readonly [string, TensorInfo], b: readonly [string, TensorInfo]): number {
  const byDtype = formatDtypes.indexOf(formatCode(a[1])) - formatDtypes.indexOf(formatCode(b[1]));
  return byDtype || Buffer.compare(Buffer.from(a[0]), Buffer.from(b[0]));
}

/** Length field and header for tensors that follow each other in this order. */
export function renderHeader(tensors: readonly (readonly [string, TensorInfo])[], metadata: Metadata): Uint8Array {
  const parts: string[] = [];
  if (Object.keys(metadata).length > 0) parts.push(`"__metadata__":${JSON.stringify(metadata)}`);
  let begin = 0;
  for (const [name, info] of tensors) {
    const { shape, bytes } = info;
    const entry = { dtype: formatCode(info), shape, data_offsets: [begin, begin + bytes] };
    parts.push(`${JSON.stringify(name)}:${JSON.stringify(entry)}`);
    begin += bytes;
  }
  const json = Buffer.from(`{${parts.join(',')}}`);
  const length = Math.ceil(json.length / 8) * 8;
  const result = Buffer.alloc(LENGTH_BYTES + length, ' ');
  result.writeBigUInt64LE(BigInt(length));
  json.copy(result, LENGTH_BYTES);
  return result;
}
