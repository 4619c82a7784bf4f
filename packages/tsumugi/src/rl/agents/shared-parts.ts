// The parts of an agent that several threads train: what optimizers update goes through them, step by step; every other tensor of a
// module (averages, target networks, running statistics) is the same memory in all threads.
import { CheckpointError } from '../../base/index.ts';
import { namedTensors } from '../../nn/index.ts';
import type { SharedOptimizer } from '../../optim/index.ts';
import { callOperator, noGrad, scope, share, type Tensor, type Ticket, takeUp } from '../../torch/index.ts';
import type { AgentParts } from './agent-state.ts';

/** To be sent to other threads. */
export interface SharedParts {
  optimizers: Readonly<Record<string, SharedOptimizer>>;
  /** By module and path. */
  tensors: Readonly<Record<string, Ticket>>;
}

type Parts = Pick<AgentParts, 'modules' | 'optimizers'>;

export function shareParts(parts: Parts): SharedParts {
  const optimizers = Object.entries(parts.optimizers).map(([name, optimizer]) => [name, optimizer.share()] as const);
  const tensors = untrained(parts).map(([name, tensor]) => [name, share(tensor)] as const);
  return { optimizers: Object.fromEntries(optimizers), tensors: Object.fromEntries(tensors) };
}

/** @throws CheckpointError when it is of other networks */
export function followParts(parts: Parts, shared: SharedParts): void {
  for (const [name, optimizer] of Object.entries(parts.optimizers)) {
    const told = shared.optimizers[name];
    if (!told) throw otherParts(name);
    optimizer.follow(told);
  }
  noGrad(() =>
    scope(() => {
      for (const [name, tensor] of untrained(parts)) {
        const ticket = shared.tensors[name];
        if (ticket === undefined) throw otherParts(name);
        callOperator('aten::set_.source_Tensor', tensor, takeUp(ticket));
      }
    }),
  );
}

/** What no optimizer updates. */
function untrained({ modules, optimizers }: Parts): [name: string, tensor: Tensor][] {
  const trained = new Set(Object.values(optimizers).flatMap(({ parameters }) => parameters));
  return Object.entries(modules).flatMap(([module, of]) =>
    [...namedTensors(of)]
      .filter(([, tensor]) => !trained.has(tensor))
      .map(([path, tensor]): [string, Tensor] => [`${module}.${path}`, tensor]),
  );
}

const otherParts = (name: string) =>
  new CheckpointError('other-parameters', `the agent that shares has no "${name}"`, {
    remedy: 'Make the same agent with the same settings in every thread.',
  });
