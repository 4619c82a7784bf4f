// The module tree. A module's parameters are the tensors in its fields; their paths are the field names joined by dots
// and are the names in checkpoints. Loading, freezing, pruning and merging are functions over these paths.
import { CheckpointError, suggestion } from '../base/index.ts';
import { type Device, type DType, dtypeNames, noGrad, scope, Tensor } from '../torch/index.ts';

const isDType = (target: string) => (dtypeNames as readonly string[]).includes(target);

type Role = 'parameter' | 'buffer';
const roles = new WeakMap<Tensor, Role>();

/** Marks a tensor as trained: it is kept, takes gradients, and appears in `namedParameters`. Returns it. */
export function parameter(tensor: Tensor): Tensor {
  roles.set(tensor, 'parameter');
  return tensor.keep().requiresGrad_();
}

/** Marks a tensor as state that is saved but not trained (running statistics, power-iteration vectors). Returns it. */
export function buffer(tensor: Tensor): Tensor {
  roles.set(tensor, 'buffer');
  return tensor.keep();
}

/**
 * Base of everything that holds parameters. A subclass assigns parameters, buffers, modules, arrays of modules to its
 * fields and defines its own `forward`. `training` tells layers such as dropout and batch norm which way to behave.
 */
export abstract class Module implements Disposable {
  training = true;

  /** Sets `training` on the whole tree. Returns itself. */
  train(on = true): this {
    for (const [, module] of namedModules(this)) module.training = on;
    return this;
  }

  eval(): this {
    return this.train(false);
  }

  /** Frees every parameter and buffer of the tree. */
  dispose(): void {
    for (const [, tensor] of namedTensors(this)) tensor.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

const join = (prefix: string, name: string | number) => (prefix ? `${prefix}.${name}` : String(name));

/** The module and all modules below it with their paths, parents first. */
export function* namedModules(module: Module, prefix = ''): Generator<[string, Module]> {
  yield [prefix, module];
  for (const [name, value] of Object.entries(module)) {
    if (value instanceof Module) yield* namedModules(value, join(prefix, name));
    else if (Array.isArray(value))
      for (const [index, item] of value.entries())
        if (item instanceof Module) yield* namedModules(item, join(join(prefix, name), index));
  }
}

/** All parameters and buffers with their paths; a tensor that stands in two places (a tied head) comes once. */
export function* namedTensors(module: Module): Generator<[string, Tensor]> {
  const seen = new Set<Tensor>();
  for (const [prefix, owner] of namedModules(module)) {
    for (const [name, value] of Object.entries(owner)) {
      if (!(value instanceof Tensor) || !roles.has(value) || seen.has(value)) continue;
      seen.add(value);
      yield [join(prefix, name), value];
    }
  }
}

function withRole(module: Module, role: Role): [string, Tensor][] {
  return [...namedTensors(module)].filter(([, tensor]) => roles.get(tensor) === role);
}

/** Path and tensor of every parameter, in tree order. */
export const namedParameters = (module: Module): [string, Tensor][] => withRole(module, 'parameter');
/** Path and tensor of every buffer, in tree order. */
export const namedBuffers = (module: Module): [string, Tensor][] => withRole(module, 'buffer');
export const parameters = (module: Module): Tensor[] => namedParameters(module).map(([, tensor]) => tensor);
export const numParameters = (module: Module): number =>
  parameters(module).reduce((sum, tensor) => sum + tensor.numel, 0);

function noSuchPath(module: Module, path: string): CheckpointError {
  const known = [...namedTensors(module)].map(([name]) => name);
  return new CheckpointError('no-such-path', `there is no "${path}" in this model`, {
    remedy: suggestion(path, known),
    fields: { path },
  });
}

/** The parameter or buffer at a path. @throws CheckpointError with the nearest path when there is none. */
export function tensorAt(module: Module, path: string): Tensor {
  let value: unknown = module;
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) throw noSuchPath(module, path);
    value = (value as Record<string, unknown>)[name];
  }
  if (!(value instanceof Tensor) || !roles.has(value)) throw noSuchPath(module, path);
  return value;
}

/** Puts `fresh` wherever `old` stands in the tree (a tied tensor stands in several places) and frees `old`. */
function replaceEverywhere(module: Module, old: Tensor, fresh: Tensor): void {
  if (fresh === old) return;
  const role = roles.get(old)!;
  const trained = old.requiresGrad;
  if (role === 'parameter') parameter(fresh).requiresGrad_(trained);
  else buffer(fresh);
  for (const [, owner] of namedModules(module))
    for (const [name, value] of Object.entries(owner)) if (value === old) Object.assign(owner, { [name]: fresh });
  old.dispose();
}

/**
 * Replaces the tensor at a path, in every place where it stands, and frees the old one: the one primitive behind
 * pruning, growing and merging. What it was (parameter or buffer, trained or frozen) stays. An optimizer made before
 * still holds the old tensor: make it anew.
 */
export function replaceParameter(module: Module, path: string, tensor: Tensor): void {
  replaceEverywhere(module, tensorAt(module, path), tensor);
}

/** Moves a module to a dtype and/or device, in place; buffers that count (integers) keep their dtype. Returns it. */
export function convert<M extends Module>(module: M, ...targets: (DType | Device)[]): M {
  for (const [, old] of [...namedTensors(module)]) {
    const wanted = old.dtype.startsWith('int') ? targets.filter((target) => !isDType(target)) : targets;
    if (wanted.length === 0) continue;
    // `to` gives the same storage under a new handle when nothing changes, so replacing is right in every case.
    const fresh = scope(() => old.detach().to(...wanted));
    replaceEverywhere(module, old, fresh);
  }
  return module;
}

/**
 * Copies tensors into the model's parameters and buffers by path. `get` returns the tensor for a path, or undefined.
 *
 * @throws CheckpointError naming the path for a missing tensor or a wrong shape, and unknown names in `available`.
 */
export function loadTensors(
  module: Module,
  get: (path: string) => Tensor | undefined,
  available: Iterable<string> = [],
): void {
  const own = new Map(namedTensors(module));
  for (const name of available)
    if (!own.has(name))
      throw new CheckpointError('unexpected-tensor', `the checkpoint holds "${name}", which this model does not have`, {
        remedy: 'Check that config.json belongs to these weights.',
        fields: { path: name },
      });
  noGrad(() => {
    for (const [path, target] of own) {
      scope(() => {
        const source = get(path);
        if (!source)
          throw new CheckpointError('missing-tensor', `the checkpoint lacks "${path}"`, {
            remedy: 'Check that config.json belongs to these weights.',
            fields: { path },
          });
        if (source.shape.join() !== target.shape.join())
          throw new CheckpointError(
            'wrong-shape',
            `"${path}" has shape [${source.shape.join(', ')}] in the checkpoint, the model needs [${target.shape.join(', ')}]`,
            { remedy: 'Check that config.json belongs to these weights.', fields: { path } },
          );
        target.copy_(source);
      });
    }
  });
}
