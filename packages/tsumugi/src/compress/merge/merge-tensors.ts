// The tensors of one name → the merged tensor, all in memory: a merge method as a pure function.
import { ConfigError, checkChoice, checkOptions, ShapeError } from '../../base/index.ts';
import { cat, noGrad, scope, type Tensor } from '../../torch/index.ts';
import { type MergeMethodName, mergeMethodNames, mergeMethods } from './methods/index.ts';
import type { MergeMethod, ParameterValues } from './methods/method.ts';
import { completed } from './parameters.ts';
import { matrixShape, pieces, type RowReader, type TensorGroup } from './tensor-group.ts';

export interface MergeTensorsOptions {
  /** θ_b: [...], like the models. */
  base?: Tensor | undefined;
  /** Parameters of each model, in their order; those for all of them may stand in `parameters`. */
  own?: readonly ParameterValues[] | undefined;
  /** Of what is dropped at random. Default 0. */
  seed?: number | undefined;
  /** The tensor's name, for errors and for what is drawn. Default "tensor". */
  name?: string | undefined;
  /** Whether the rule for vectors holds: see `docs/merging.md`. Default: for tensors of one dimension. */
  asVector?: boolean | undefined;
}

const known = { base: true, own: true, seed: true, name: true, asVector: true } as const;

/** What a method does with the tensors of a group: the merged tensor in pieces, [rows, columns] each. */
export function mergeGroup(
  method: MergeMethod,
  group: TensorGroup,
  values: { shared: ParameterValues; own: readonly ParameterValues[]; seed: number; asVector: boolean },
): Generator<Tensor> {
  const { asVector, ...rest } = values;
  const input = { ...group, ...rest };
  const combine = asVector && method.prepareVector ? method.prepareVector(input) : method.prepare(input);
  return pieces(group, combine);
}

/**
 * Merges tensors of one shape with a method of mergekit: [...] each → the same shape, in float32, or in float64 where one of them
 * is. Formulas and parameters are in `docs/merging.md`.
 *
 * @throws ConfigError for parameters and numbers of models that the method does not take, ShapeError for shapes that differ,
 *   UserError `merge-…` where the method has no answer
 */
export function mergeTensors(
  method: MergeMethodName,
  models: readonly Tensor[],
  parameters: ParameterValues = {},
  options: MergeTensorsOptions = {},
): Tensor {
  checkOptions('mergeTensors', options, known);
  checkChoice('mergeTensors', 'method', method, mergeMethodNames);
  const { base, seed = 0, name = 'tensor', own = models.map(() => ({})) } = options;
  const all = base ? [base, ...models] : models;
  checkCount(method, models.length, base !== undefined);
  const shape = all[0]!.shape;
  for (const each of all)
    if (each.shape.join() !== shape.join())
      throw new ShapeError(
        'merge-shapes',
        `"${name}": the shapes [${shape.join(', ')}] and [${each.shape.join(', ')}] differ`,
        {
          remedy: 'Only tensors of one shape are merged.',
          fields: { tensor: name },
        },
      );
  if (own.length !== models.length)
    throw new ConfigError('bad-option', `mergeTensors: own has ${own.length} entries for ${models.length} models`, {
      remedy: 'Give one for each model.',
    });
  const dtype = all.some((each) => each.dtype === 'float64') ? 'float64' : 'float32';
  const values = completed(method, parameters, own);
  const size = matrixShape(shape);
  const reader =
    (tensor: Tensor): RowReader =>
    (row, count) =>
      tensor.reshape([size.rows, size.columns]).narrow(0, row, count).to(dtype);
  const group = { name, ...size, base: base && reader(base), models: models.map(reader) };
  const asVector = options.asVector ?? shape.length < 2;
  return noGrad(() =>
    scope(() => cat([...mergeGroup(mergeMethods[method], group, { ...values, seed, asVector })]).view(shape)),
  );
}

/** @throws ConfigError when a method does not take so many models, or a base */
export function checkCount(method: MergeMethodName, models: number, hasBase: boolean): void {
  const { models: takes, base } = mergeMethods[method] as MergeMethod;
  const refuse = (problem: string, remedy: string) => {
    throw new ConfigError('merge-models', `${method} ${problem}`, { remedy, fields: { method, models } });
  };
  if (base === 'required' && !hasBase) refuse('needs a base model', 'Name one as base_model.');
  if (base === 'none' && hasBase) refuse('takes no base model', 'Give it as one of the models, or leave it out.');
  const { min, max = Number.POSITIVE_INFINITY } = takes;
  if (models >= min && models <= max) return;
  const count = min === max ? `${min}` : max === Number.POSITIVE_INFINITY ? `at least ${min}` : `${min} to ${max}`;
  refuse(
    `merges ${count} ${count === '1' ? 'model' : 'models'}${base === 'none' ? '' : ' beside the base'}, got ${models}`,
    'Name as many; for other numbers see docs/merging.md.',
  );
}
