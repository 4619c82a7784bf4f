// What libtorch says of a number type that it cannot compute with here, in words: the operator is not written for it, or the
// CPU lacks the instructions.
import type { DType } from './dtype.ts';
import { isTensor } from './scope.ts';
import type { Tensor } from './tensor.ts';

/** libtorch's names in C++. */
const names: Readonly<Record<string, DType>> = {
  Byte: 'uint8', Char: 'int8', Short: 'int16', Int: 'int32', Long: 'int64', Bool: 'bool',
  Half: 'float16', Float: 'float32', Double: 'float64', BFloat16: 'bfloat16',
}; // biome-ignore format: a table

const isNarrow = (dtype: string) => /^b?float16$|^float8/i.test(dtype);

export interface MissingDType {
  dtype: string;
  /** What is missing, and where. */
  fault: string;
  remedy: string;
  /** A type that somebody chose to save memory or time, not one that a mistake brought. */
  isChosen: boolean;
}

/** @param operator also `backward` and `grad`, whose tensors need not be of the type that is missing */
export function missingDType(operator: string, message: string, values: readonly unknown[]): MissingDType | undefined {
  const tensors = values.flat().filter(isTensor) as Tensor[];
  const [, kernel, name] = /"([^"]+)" not implemented for '(\w+)'/.exec(message) ?? [];
  const device = tensors[0]?.device;
  const place = device === undefined ? '' : device === 'cpu' ? ' on the CPU' : ` on ${device}`;
  if (name !== undefined) {
    const dtype = names[name] ?? name.toLowerCase();
    if (dtype === 'float32' || dtype === 'float64') return undefined; // what takes whole numbers alone
    return {
      dtype,
      fault: `libtorch has no ${kernel} for ${dtype}${place}`,
      remedy: remedyFor(dtype),
      isChosen: isNarrow(dtype),
    };
  }
  // oneDNN, which computes with narrow types on CPUs.
  const [, needed] = /path needs the cpu support (.+)/.exec(message) ?? [];
  if (needed === undefined && !/could not create a primitive descriptor/.test(message)) return undefined;
  const narrow = tensors.find(({ dtype }) => isNarrow(dtype))?.dtype;
  if (narrow === undefined && !/^(backward|grad)$/.test(operator)) return undefined;
  const dtype = narrow ?? 'bfloat16';
  const why = needed === undefined ? '' : `, which needs ${needed}`;
  return {
    dtype,
    fault: `libtorch cannot compute this in ${dtype} on this CPU${why}, or at the level that TSUMUGI_CPU asks for`,
    remedy: remedyFor(dtype),
    isChosen: true,
  };
}

const remedyFor = (dtype: string) =>
  isNarrow(dtype)
    ? "Compute in float32: x.float(), or dtype: 'float32' (--dtype float32, --set dtype=float32)."
    : 'Bring it to float32 first, with x.float().';
