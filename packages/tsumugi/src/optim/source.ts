// What an optimizer trains: groups, a module, or its parameters as PyTorch takes them.
import { ConfigError, checkNumber, checkOptions, isObject, kindOf, type OptionNames } from '../base/index.ts';
import { Module, numParameters } from '../nn/index.ts';
import { Tensor } from '../torch/index.ts';
import { checkGroups, decayGroups, type ParameterGroup } from './groups.ts';

/**
 * A module: its matrices are decayed and the rest is not (`decayGroups`), and what is frozen is left out. Parameters (`model.parameters()`): all are decayed alike,
 * and are known by their positions. Groups: as they are.
 */
export type OptimizerSource = Module | readonly Tensor[] | readonly ParameterGroup[];

/** What every optimizer takes. */
export interface OptimizerOptions {
  /** The learning rate of `step()`; it can be changed (`optimizer.lr`). Not needed where every step is given one. */
  lr?: number | undefined;
  /** Weight decay of groups that do not set theirs. */
  weightDecay?: number;
}

export const optimizerOptions: OptionNames<OptimizerOptions> = { lr: true, weightDecay: true };

const groupOptions: OptionNames<ParameterGroup> = { parameters: true, lrScale: true, weightDecay: true };
const groupHints = {
  params: 'Write { parameters: model.namedParameters() }.',
  lr: 'Write { lrScale }, a factor of the learning rate.',
};

const isTensors = (source: readonly unknown[]): source is readonly Tensor[] =>
  source.every((each) => each instanceof Tensor);

/** The groups of a source. @throws ConfigError when there is nothing to train */
export function groupsOf(owner: string, source: OptimizerSource): readonly ParameterGroup[] {
  const groups = listGroups(owner, source);
  if (checkGroups(groups).size > 0) return groups;
  throw new ConfigError('no-parameters', `${owner}: there is nothing to train, ${emptiness(source)}`, {
    remedy: isFrozen(source)
      ? 'Leave something to train: freeze(module, (path) => …) takes the paths that are chosen.'
      : 'Tensors marked by parameter() are trained, in fields of a module, in its layers, and in arrays and objects of them.',
  });
}

const isFrozen = (source: OptimizerSource): source is Module => source instanceof Module && numParameters(source) > 0;

function emptiness(source: OptimizerSource): string {
  if (isFrozen(source)) return `every parameter of the ${source.constructor.name} is frozen`;
  return source instanceof Module ? `the ${source.constructor.name} has no parameters` : 'the list has no parameters';
}

function listGroups(owner: string, source: OptimizerSource): readonly ParameterGroup[] {
  if (source instanceof Module) return decayGroups(source);
  if (!Array.isArray(source)) throw notASource(owner, source);
  if (isTensors(source)) return [{ parameters: source.map((parameter, i) => [String(i), parameter]) }];
  for (const group of source as readonly ParameterGroup[]) {
    if (!isObject(group) || group instanceof Tensor) throw notASource(owner, group);
    checkOptions(`${owner}, group`, group, groupOptions, groupHints);
    if (!Array.isArray(group.parameters) || !group.parameters.every(isNamed)) throw notASource(owner, group.parameters);
  }
  return source as readonly ParameterGroup[];
}

const isNamed = (entry: unknown) =>
  Array.isArray(entry) && entry.length === 2 && typeof entry[0] === 'string' && entry[1] instanceof Tensor;

const notASource = (owner: string, given: unknown) =>
  new ConfigError(
    'bad-argument',
    `${owner}: what to train must be a module, its parameters, or groups, got ${kindOf(given)}`,
    {
      remedy: `Write new ${owner}(model, …), new ${owner}(model.parameters(), …) or new ${owner}([{ parameters: model.namedParameters() }], …).`,
    },
  );

/** @throws ConfigError when the step is given no rate and the optimizer has none, or it is none */
export function checkRate(owner: string, lr: number | undefined): number {
  if (lr !== undefined) return checkNumber(owner, 'lr', lr, { min: 0 });
  throw new ConfigError('no-learning-rate', `${owner}: the step has no learning rate`, {
    remedy: `Set one, new ${owner}(model, { lr: 1e-3 }), or give it to the step: optimizer.step(1e-3).`,
  });
}
