// An agent whose weights or losses are no longer finite: the last checkpoint that was good stays.
import { UserError } from '../../base/index.ts';
import { describeNotFinite, namedTensors } from '../../nn/index.ts';
import { findNotFinite } from '../../optim/index.ts';
import type { Tensor } from '../../torch/index.ts';
import type { Agent, AgentState } from '../agent.ts';

/** @param saved step of the newest good checkpoint, 0 without one */
export function diverged(step: number, what: string, saved: number, facts: Record<string, unknown> = {}): UserError {
  const there = saved > 0 ? `; the checkpoint of step ${saved} is intact` : '';
  return new UserError('diverged', `training diverged at step ${step}: ${what}`, {
    remedy: `Start anew in another --out, with a lower learning rate, smaller rewards, or clipped gradients${there}.`,
    fields: { step, checkpoint: saved, ...facts },
  });
}

const isFloat = ([, tensor]: readonly [string, Tensor]) => /float/.test(tensor.dtype);

/** @throws UserError `diverged` naming the weight that is not finite */
export function requireFiniteWeights(agent: Agent, step: number, saved: number): void {
  const named = Object.entries(agent.networks).flatMap(([name, network]) =>
    [...namedTensors(network)].map(([path, tensor]) => [`${name}.${path}`, tensor] as const),
  );
  const broken = findNotFinite(named.filter(isFloat));
  if (broken) throw diverged(step, `after the update ${describeNotFinite(broken)}`, saved, { tensor: broken.name });
}

/**
 * Before a state is saved. What was observed is not looked at: it is large, and what is wrong there shows in the loss.
 *
 * @throws UserError `diverged` naming the tensor that is not finite
 */
export function requireFiniteState({ tensors }: AgentState, step: number, saved: number): void {
  const learned = Object.entries(tensors).filter(([group]) => !group.startsWith('replay'));
  const named = learned.flatMap(([group, own]) => own.map(([path, tensor]) => [`${group}: ${path}`, tensor] as const));
  const broken = findNotFinite(named.filter(isFloat));
  if (broken) throw diverged(step, `after the update ${describeNotFinite(broken)}`, saved, { tensor: broken.name });
}

/** What has no value at times: the explained variance where all targets are alike, as of a policy that always gets the same. */
const undefinedAtTimes: ReadonlySet<string> = new Set(['explained_variance']);

/** Statistics that were finite before and are not any more. */
export class FiniteStatistics {
  readonly #finite = new Set<string>();

  /** @throws UserError `diverged` naming the first that is no longer finite */
  check(statistics: Readonly<Record<string, number>>, step: number, saved: number): void {
    for (const [name, value] of Object.entries(statistics))
      if (undefinedAtTimes.has(name)) continue;
      else if (Number.isFinite(value)) this.#finite.add(name);
      else if (this.#finite.has(name)) throw diverged(step, `${name} is ${value}`, saved, { [name]: value });
  }
}
