// The module tree. A module's parameters are the tensors in its fields; their paths are the names of fields, positions and
// keys joined by dots, and are the names in checkpoints. Loading, freezing, pruning and merging are functions over these paths.
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
 * Base of everything that holds parameters. A subclass assigns parameters, buffers and modules to its fields, alone or in
 * arrays and plain objects of any depth, and defines its own `forward`. `training` tells layers such as dropout and batch norm which way to behave.
 */
export abstract class Module implements Disposable {
  training = true;

  /** Sets `training` on the whole tree. Returns itself. */
  train(on = true): this {
    for (const [, module] of namedModules(this)) module.training = on;
    return this;
  }

  /** Its parameters, in tree order, for optimizers. */
  parameters(): Tensor[] {
    return parameters(this);
  }

  /** Path and tensor of every parameter. */
  namedParameters(): [string, Tensor][] {
    return namedParameters(this);
  }

  /** Every parameter and buffer by path: the tensors themselves, not copies. `writeSafetensors` saves it. */
  stateDict(): Record<string, Tensor> {
    return Object.fromEntries(namedTensors(this));
  }

  /** Copies tensors in by path. @throws CheckpointError naming the first that is missing, too many, or of another shape */
  loadStateDict(tensors: Readonly<Record<string, Tensor>>): this {
    const has = (path: string) => Object.hasOwn(tensors, path);
    loadTensors(this, (path) => (has(path) ? tensors[path] : undefined), Object.keys(tensors));
    return this;
  }

  /** Forgets every gradient. */
  zeroGrad(): void {
    for (const each of this.parameters()) each.grad = undefined;
  }

  /** Moves it to a dtype or device, as `convert`: tensors that change are new ones, so make optimizers afterwards. Returns itself. */
  to(...targets: (DType | Device)[]): this {
    return convert(this, ...targets);
  }

  /** In evaluation mode. Returns itself. */
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

/** A module, parameter or buffer, and where it stands: `owner[name]`. */
interface Part {
  path: string;
  value: Module | Tensor;
  owner: object;
  name: string;
}

const isPart = (value: unknown): value is Module | Tensor =>
  value instanceof Module || (value instanceof Tensor && roles.has(value));

const isPlain = (value: object) => [Object.prototype, null].includes(Object.getPrototypeOf(value));

/** What stands in the fields of a module, also inside arrays and plain objects, at any depth; modules are not entered. */
function* partsOf(owner: object, prefix: string, above: readonly object[] = []): Generator<Part> {
  for (const [name, value] of Object.entries(owner)) {
    if (typeof value !== 'object' || value === null) continue;
    const path = join(prefix, name);
    if (isPart(value)) yield { path, value, owner, name };
    else if (value instanceof Map || value instanceof Set) refuseIfFull(path, value);
    else if ((Array.isArray(value) || isPlain(value)) && !above.includes(value))
      yield* partsOf(value, path, [...above, value]);
  }
}

/** @throws TypeError when a Map or Set holds what would neither be trained nor saved nor freed */
function refuseIfFull(path: string, values: Map<unknown, unknown> | Set<unknown>): void {
  if (![...values.values()].some(isPart)) return;
  throw new TypeError(
    `"${path}" is a ${values.constructor.name} with modules or parameters: use an array or an object`,
  );
}

/** The module and all modules below it with their paths, parents first. @throws TypeError when one stands in itself */
export function* namedModules(module: Module, prefix = '', above: readonly Module[] = []): Generator<[string, Module]> {
  if (above.includes(module)) throw new TypeError(`the module at "${prefix}" holds itself`);
  yield [prefix, module];
  for (const { path, value } of partsOf(module, prefix))
    if (value instanceof Module) yield* namedModules(value, path, [...above, module]);
}

/** All parameters and buffers with their places; one that stands in two places comes twice. */
function* tensorsOf(module: Module): Generator<Part & { value: Tensor }> {
  for (const [prefix, owner] of namedModules(module))
    for (const part of partsOf(owner, prefix)) if (part.value instanceof Tensor) yield { ...part, value: part.value };
}

/** All parameters and buffers with their paths; a tensor that stands in two places (a tied head) comes once. */
export function* namedTensors(module: Module): Generator<[string, Tensor]> {
  const seen = new Set<Tensor>();
  for (const { path, value } of tensorsOf(module)) {
    if (seen.has(value)) continue;
    seen.add(value);
    yield [path, value];
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
  parameters(module).reduce((sum, tensor) => sum + tensor.numel(), 0);

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
  for (const { value, owner, name } of [...tensorsOf(module)])
    if (value === old) Object.assign(owner, { [name]: fresh });
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

/** What stands at a path. @throws CheckpointError with the nearest path of a module when it is none */
export function moduleAt(root: Module, path: string): Module {
  const modules = new Map(namedModules(root));
  const found = modules.get(path);
  if (found) return found;
  throw new CheckpointError('no-such-path', `there is no module "${path}" in this model`, {
    remedy: suggestion(path, [...modules.keys()]),
    fields: { path },
  });
}

/**
 * Puts another module in the place of the one at a path, in every place where that stands, and returns the old one, which
 * the caller disposes or builds on (an adapter holds the layer that it adapts). Layers that take part in a forward through
 * `forward` alone can be of any kind. An optimizer made before still holds the old tensors: make it anew.
 *
 * @throws CheckpointError with the nearest path when there is no module at the path
 */
export function replaceModule(root: Module, path: string, fresh: Module): Module {
  const old = moduleAt(root, path);
  if (old === root) throw new TypeError('replaceModule: the path "" is the model itself');
  const owners = [...namedModules(root)];
  for (const [, module] of owners)
    for (const { value, owner, name } of [...partsOf(module, '')])
      if (value === old) Object.assign(owner, { [name]: fresh });
  return old;
}

/** Moves a module to a dtype and/or device, in place; buffers that count (integers) keep their dtype. Returns it. */
export function convert<M extends Module>(module: M, ...targets: (DType | Device)[]): M {
  for (const [, old] of [...namedTensors(module)]) {
    const wanted = /^u?int/.test(old.dtype) ? targets.filter((target) => !isDType(target)) : targets;
    // What is there already stays the tensor that optimizers hold.
    if (wanted.every((target) => target === old.dtype || target === old.device)) continue;
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
  copyTensors(namedTensors(module), get, available);
}

/** `loadTensors` into these alone: a checkpoint of a training has what is trained. */
export function copyTensors(
  targets: Iterable<readonly [string, Tensor]>,
  get: (path: string) => Tensor | undefined,
  available: Iterable<string> = [],
): void {
  const own = new Map(targets);
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
