// AWQ's scales in a layer of PLaMo 2. What makes the inputs of a matrix takes the scale over; three pairs allow it:
//
//   pre_mixer_norm → qkv_proj or in_proj     pre_mlp_norm → gate_up_proj     the up half of gate_up_proj → down_proj
//
// The norms after the mixer and the MLP stand between the other matrices and what could take theirs.
import { normOffset, type Plamo2Config } from '../../lm/index.ts';
import { type Linear, type Module, moduleAt, tensorAt } from '../../nn/index.ts';
import type { CodeBits } from '../../store/index.ts';
import { noGrad, scope, type Tensor } from '../../torch/index.ts';
import { clippedFrom, searchScale } from './awq.ts';
import type { InputSample } from './input-sample.ts';
import type { PlannedMatrix } from './matrices.ts';
import type { RoundOptions } from './round.ts';

interface Fold {
  /** The matrix whose inputs are scaled. */
  readonly matrix: string;
  /** Takes 1/s over; returns the path of what it changed. */
  take(block: Module, scale: Tensor): string;
}

/** offset + weight is divided, of which weight is kept. */
const intoNorm =
  (path: string) =>
  (block: Module, scale: Tensor): string => {
    const weight = tensorAt(block, `${path}.weight`);
    weight.copy_(weight.add(normOffset.pre).div(scale).sub(normOffset.pre));
    return `${path}.weight`;
  };

/** The rows of up are the second half. */
function intoUp(block: Module, scale: Tensor): string {
  const weight = tensorAt(block, 'mlp.gate_up_proj.weight');
  const rows = scale.size(0);
  weight.narrow(0, rows, rows).div_(scale.unsqueeze(1));
  return 'mlp.gate_up_proj.weight';
}

// down_proj first: its scale changes rows of gate_up_proj, whose own scale is found afterwards.
const folds: readonly Fold[] = [
  { matrix: 'mlp.down_proj', take: intoUp },
  { matrix: 'mlp.gate_up_proj', take: intoNorm('pre_mlp_norm') },
  { matrix: 'mixer.qkv_proj', take: intoNorm('pre_mixer_norm') },
  { matrix: 'mixer.in_proj', take: intoNorm('pre_mixer_norm') },
];

/**
 * Scales and clips the matrices of a layer, in place; what it computes stays, but for the cut weights. Returns the paths of kept
 * parameters that changed: norms, and gate_up_proj where it is not quantized.
 */
export function awqFolded(
  block: Module,
  matrices: readonly PlannedMatrix[],
  samples: ReadonlyMap<string, InputSample>,
  optionsOf: (bits: CodeBits) => RoundOptions,
  config: Plamo2Config,
): string[] {
  const changed = new Set<string>();
  const scales = new Map<string, Tensor>();
  const find = (path: string) => matrices.find((each) => each.path.endsWith(`.${path}`));
  noGrad(() =>
    scope(() => {
      for (const { matrix: path, take } of folds) {
        const matrix = find(path);
        if (!matrix) continue;
        const sample = samples.get(path)!;
        const { weight } = moduleAt(block, path) as Linear;
        const { scale } = searchScale(
          weight.detach(),
          sample.sample(),
          sample.means(),
          optionsOf(matrix.bits as CodeBits),
        );
        changed.add(take(block, scale));
        weight.mul_(scale);
        scales.set(path, scale);
      }
      for (const [path, sample] of samples) {
        const matrix = find(path)!;
        const { weight } = moduleAt(block, path) as Linear;
        const scale = scales.get(path);
        const seen = scale ? sample.sample().div(scale) : sample.sample();
        // Queries and keys go into a softmax: they are not cut.
        const from = matrix.kind === 'qkv_proj' ? queriesAndKeys(config) : 0;
        weight.copy_(scope(() => clippedFrom(weight.detach(), from, seen, optionsOf(matrix.bits as CodeBits))));
      }
    }),
  );
  const isQuantized = (path: string) => find(path.replace(/\.weight$/, '')) !== undefined;
  return [...changed].filter((path) => !isQuantized(path));
}

const queriesAndKeys = ({ num_attention_heads: H, num_key_value_heads: K, hidden_size_per_head: d }: Plamo2Config) =>
  (H + K) * d;
