// Parameter groups: which parameters share a learning-rate factor and a weight decay.
import { ConfigError, checkOptions, invariant } from '../base/index.ts';
import { LayerNorm, type Module, namedModules, namedTrainable } from '../nn/index.ts';
import type { Tensor } from '../torch/index.ts';

export interface ParameterGroup {
  /** Paths and tensors, as `namedParameters` gives them. */
  parameters: readonly (readonly [path: string, parameter: Tensor])[];
  /** Factor of the learning rate; 1 when left out. */
  lrScale?: number;
  /** The optimizer's own when left out. */
  weightDecay?: number;
}

/** Leaf names that are never decayed, whatever their shape: the scan's constants and PLaMo 2's per-head norm gains. */
const neverDecayed = new Set(['A_log', 'D', 'dt_bias', 'q_weight', 'k_weight']);

/**
 * Whether weight decay makes sense for a parameter: matrices yes; vectors and scalars (biases, norm gains, `A_log`, `D`,
 * `dt_bias`), norm gains of any shape (`q_weight`, `k_weight`, `*_norm_weight`, `*norm.weight`) and RNN biases no.
 */
export function isDecayed(path: string, parameter: Tensor): boolean {
  const names = path.split('.');
  const leaf = names.at(-1)!;
  const owner = names.at(-2) ?? '';
  if (parameter.ndim < 2 || neverDecayed.has(leaf) || leaf.startsWith('bias')) return false;
  return !(leaf.endsWith('norm_weight') || owner.endsWith('norm'));
}

/**
 * Two groups, `decayed` and not, that together hold every parameter of the module exactly once, but for frozen ones. The
 * first takes the optimizer's weight decay (or `weightDecay`), the second none.
 */
export function decayGroups(
  module: Module,
  options: { weightDecay?: number; isDecayed?: (path: string, parameter: Tensor) => boolean } = {},
): [ParameterGroup, ParameterGroup] {
  checkOptions('decayGroups', options, { weightDecay: true, isDecayed: true });
  const named = namedTrainable(module);
  // A LayerNorm over several dimensions has gains that look like a matrix.
  const normGains = new Set<Tensor | null>();
  for (const [, part] of namedModules(module)) if (part instanceof LayerNorm) normGains.add(part.weight).add(part.bias);
  const rule = options.isDecayed ?? ((path, parameter) => isDecayed(path, parameter) && !normGains.has(parameter));
  const isIn = named.map(([path, parameter]) => {
    const answer = rule(path, parameter);
    if (typeof answer === 'boolean') return answer;
    throw new ConfigError('bad-option', `decayGroups: isDecayed must answer true or false, it gave ${String(answer)}`, {
      fields: { path },
    });
  });
  const decayed = named.filter((_, i) => isIn[i]);
  const rest = named.filter((_, i) => !isIn[i]);
  const { weightDecay } = options;
  const groups: [ParameterGroup, ParameterGroup] = [
    { parameters: decayed, ...(weightDecay !== undefined && { weightDecay }) },
    { parameters: rest, weightDecay: 0 },
  ];
  const all = checkGroups(groups);
  invariant(all.size === named.length, `${all.size} of ${named.length} parameters are in a group`);
  return groups;
}

/**
 * Every parameter of the groups by path.
 *
 * @throws ConfigError when a parameter or a path stands twice: it would be updated twice in one step.
 */
export function checkGroups(groups: readonly ParameterGroup[]): Map<string, Tensor> {
  const byPath = new Map<string, Tensor>();
  const pathOf = new Map<Tensor, string>();
  for (const { parameters } of groups)
    for (const [path, parameter] of parameters) {
      const earlier = byPath.has(path) ? path : pathOf.get(parameter);
      if (earlier !== undefined)
        throw new ConfigError('parameter-twice', `the parameter "${path}" is in the optimizer's groups twice`, {
          remedy: earlier === path ? 'Put it into one group.' : `It is the same tensor as "${earlier}"; leave one out.`,
          fields: { path, earlier },
        });
      byPath.set(path, parameter);
      pathOf.set(parameter, path);
    }
  return byPath;
}
