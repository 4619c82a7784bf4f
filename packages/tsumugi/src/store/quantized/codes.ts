// What every integer layout holds of a weight [out, in]: codes, and for each group of inputs and each output a scale and a zero.
//
//   w[o, i] = (codes[i, o] − zeros[g(i), o]) · scales[g(i), o]
import { callOperator, type Tensor, tensor } from '../../torch/index.ts';

export interface QuantizedCodes {
  /** [in, out] int32, 0 … 2^bits − 1 */
  codes: Tensor;
  /** [groups, out] int32 */
  zeros: Tensor;
  /** [groups, out] float16 */
  scales: Tensor;
  /** [in] int32: the group of each input. Undefined: in/groups neighbours each. */
  groupOf?: Tensor | undefined;
}

/** Bits of a code. */
export type CodeBits = 4 | 8;

/** How many codes a word of 32 bits holds. */
export const codesPerWord = (bits: CodeBits): number => 32 / bits;

/** Codes [..., n·k] of k to a word → words [..., n] int32, the first code in the low bits. */
export function packLast(codes: Tensor, bits: CodeBits): Tensor {
  const each = codesPerWord(bits);
  const factors = tensor(
    Array.from({ length: each }, (_, i) => 2 ** (bits * i)),
    { dtype: 'int64', device: codes.device },
  );
  const groups = codes.long().reshape([...codes.shape.slice(0, -1), codes.size(-1) / each, each]);
  // The sum fills 32 bits; as a signed word it wraps.
  return groups.mul(factors).sum(-1).to('int32');
}

/** Words [..., n] int32 → codes [..., n·k] int32. `places`: where in a word each of its codes lies, from the low bits on; in order when left out. */
export function unpackLast(words: Tensor, bits: CodeBits, places?: readonly number[]): Tensor {
  const each = codesPerWord(bits);
  return shifted(words.unsqueeze(-1), shiftsOf(bits, [each], words, places), bits).reshape([
    ...words.shape.slice(0, -1),
    words.size(-1) * each,
  ]);
}

/** Words [n, out] int32 → codes [n·k, out] int32: consecutive rows lie in one word. */
export function unpackRows(words: Tensor, bits: CodeBits): Tensor {
  const each = codesPerWord(bits);
  const [n, out] = words.shape as [number, number];
  return shifted(words.unsqueeze(1), shiftsOf(bits, [each, 1], words), bits).reshape([n * each, out]);
}

const shiftsOf = (bits: CodeBits, shape: number[], { device }: Tensor, places?: readonly number[]): Tensor =>
  tensor(
    Array.from({ length: codesPerWord(bits) }, (_, i) => bits * (places?.[i] ?? i)),
    { dtype: 'int32', shape, device },
  );

/** The sign that a shift to the right pulls in is masked off. */
function shifted(words: Tensor, shifts: Tensor, bits: CodeBits): Tensor {
  const moved = callOperator('aten::bitwise_right_shift.Tensor', words, shifts) as Tensor;
  return callOperator('aten::bitwise_and.Scalar', moved, 2 ** bits - 1) as Tensor;
}

/** [in] int32 of in/groups neighbours each: 0, …, 0, 1, …, 1, … */
export function groupsOfNeighbours(inputs: number, groups: number, { device }: Tensor): Tensor {
  const size = inputs / groups;
  return tensor(
    Array.from({ length: inputs }, (_, i) => Math.floor(i / size)),
    { dtype: 'int32', device },
  );
}

/** Then scales and zeros need not be copied for each input. */
const isOfNeighbours = (groupOf: Tensor, groups: number): boolean =>
  groupOf.size(0) % groups === 0 &&
  Boolean(
    groupOf
      .eq(groupsOfNeighbours(groupOf.size(0), groups, groupOf))
      .all()
      .item(),
  );

/** The weight [out, in] float32 (a view of [in, out]). */
export function fromCodes({ codes, zeros, scales, groupOf }: QuantizedCodes): Tensor {
  const [inputs, outputs] = codes.shape as [number, number];
  const wide = scales.float();
  const shift = zeros.float();
  if (groupOf && !isOfNeighbours(groupOf, scales.size(0)))
    return codes.float().sub_(shift.indexSelect(0, groupOf)).mul_(wide.indexSelect(0, groupOf)).transpose(0, 1);
  const groups = scales.size(0);
  const values = codes.float().reshape([groups, inputs / groups, outputs]);
  return values.sub_(shift.unsqueeze(1)).mul_(wide.unsqueeze(1)).reshape([inputs, outputs]).transpose(0, 1);
}
