// What optimizers share: groups, per-parameter state by path, steps, saving and restoring. A rule (adam.ts, sgd.ts,
// rmsprop.ts) says which kinds of state it keeps and turns hyperparameters into the scalars of its update.
import { CheckpointError, checkNumber, checkNumbers, checkOptions, invariant } from '../base/index.ts';
import { noGrad, scope, share, type Tensor, type Ticket, takeUp, unshare, zeros } from '../torch/index.ts';
import { Mutex } from './mutex.ts';
import { checkRate, groupsOf, type OptimizerOptions, type OptimizerSource } from './source.ts';
import { type Batch, isFusable } from './updates.ts';

/** Everything a resumed run needs, by PyTorch's names for the kinds of state and the parameters' paths. */
export interface OptimizerState {
  /** `exp_avg.<path>` and so on, of the parameters' shapes. */
  tensors: Record<string, Tensor>;
  /** Updates each parameter has had. */
  steps: Record<string, number>;
  /** Of an optimizer that is cut: which part of a whole each tensor is, flat. */
  parts?: Record<string, StatePart>;
}

/** A part of a tensor: the elements from `from` on, of the whole flattened. */
export interface StatePart {
  readonly shape: readonly number[];
  readonly from: number;
}

/** What is updated of a parameter where that is not all of it: elements of its own memory, flat. Their `.grad` is the gradient. */
export interface ParameterPiece {
  readonly parameter: Tensor;
  readonly from: number;
  readonly values: Tensor;
}

/** What an optimizer of another thread needs to update the same parameters: it can be sent there. */
export interface SharedOptimizer {
  /** In the order of the slots. */
  readonly slots: readonly { readonly path: string; readonly parameter: Ticket; readonly state: readonly Ticket[] }[];
  /** Updates of each: int32. */
  readonly steps: SharedArrayBuffer;
  readonly lock: SharedArrayBuffer;
}

/** What is shared, as this thread sees it. */
interface Sharing {
  readonly told: SharedOptimizer;
  readonly steps: Int32Array;
  readonly mutex: Mutex;
  /** The parameters of the thread that shares, of which this thread's are copies; none in that thread itself. */
  readonly originals: Map<Slot, Tensor>;
}

/** The step of one group, with the learning rate and the decay that hold for it. */
export interface StepSettings {
  lr: number;
  weightDecay: number;
  gradScale: number;
  /** 1 at a parameter's first update. */
  step: number;
}

interface Slot {
  readonly path: string;
  readonly parameter: Tensor;
  /** What is updated: the parameter, or the part of it that begins at `from`. */
  values: Tensor;
  from: number;
  /** One tensor per kind of state; none before the first update. */
  state: Tensor[];
  /** Updates so far. */
  step: number;
  /** Where the parameter lives; only like ones share a native call. Known with the state. */
  placement: string;
  isFused: boolean;
}

interface Group {
  readonly slots: Slot[];
  readonly lrScale: number;
  readonly weightDecay: number;
}

export abstract class Optimizer implements Disposable {
  readonly #groups: Group[];
  /** PyTorch's names of the kinds of state. */
  readonly #kinds: readonly string[];

  #lr: number | undefined;
  #sharing: Sharing | undefined;
  #isCut = false;

  /** @param kinds the names of its kinds of state */
  protected constructor(source: OptimizerSource, kinds: readonly string[], options: OptimizerOptions) {
    const owner = this.constructor.name;
    const groups = groupsOf(owner, source);
    const { lr, weightDecay = 0 } = options;
    checkNumber(owner, 'weightDecay', weightDecay, { min: 0 });
    this.#lr = lr === undefined ? undefined : checkRate(owner, lr);
    for (const { lrScale = 1, weightDecay = 0 } of groups)
      checkNumbers(`${owner}, group`, { lrScale, weightDecay }, { min: 0 });
    this.#kinds = kinds;
    this.#groups = groups.map((group) => ({
      slots: group.parameters.map(([path, parameter]) => ({
        path,
        parameter,
        values: parameter,
        from: 0,
        state: [],
        step: 0,
        placement: '',
        isFused: false,
      })),
      lrScale: group.lrScale ?? 1,
      weightDecay: group.weightDecay ?? weightDecay,
    }));
  }

  /** Applies the rule to one batch. */
  protected abstract update(batch: Batch, settings: StepSettings): void;

  /** The learning rate of `step()`: change it between steps as you like. */
  get lr(): number | undefined {
    return this.#lr;
  }

  set lr(rate: number) {
    this.#lr = checkRate(this.constructor.name, rate);
  }

  /** The trained tensors, in group order. */
  get parameters(): Tensor[] {
    return this.#slots.map((slot) => slot.parameter);
  }

  get #slots(): Slot[] {
    return this.#groups.flatMap((group) => group.slots);
  }

  /**
   * Updates every parameter that has a gradient, in one native call per group; a parameter without one stays as it is
   * and does not count the step.
   *
   * @param lr at least 0 and finite: a rate that is not would ruin every weight; the optimizer's own when left out
   * @param options.gradScale factor of all gradients, e.g. `clipScale(norm, maxNorm)`: clipping without a pass of its own
   */
  step(lr: number | undefined = this.#lr, options: { gradScale?: number } = {}): void {
    checkOptions(`${this.constructor.name}.step`, options, { gradScale: true });
    const rate = checkRate(this.constructor.name, lr);
    const gradScale = checkNumber(this.constructor.name, 'gradScale', options.gradScale ?? 1, { min: 0 });
    const sharing = this.#sharing;
    if (!sharing) this.#step(rate, gradScale);
    else
      sharing.mutex.run(() => {
        const slots = this.#slots;
        for (let i = 0; i < slots.length; i++) slots[i]!.step = sharing.steps[i]!;
        this.#step(rate, gradScale);
        for (let i = 0; i < slots.length; i++) sharing.steps[i] = slots[i]!.step;
        copyOriginals(sharing);
      });
  }

  #step(rate: number, gradScale: number): void {
    noGrad(() =>
      scope(() => {
        for (const group of this.#groups)
          for (const slots of batches(group.slots, (slot) => this.#makeState(slot))) {
            for (const { slot } of slots) slot.step++;
            const { isFused, step, values } = slots[0]!.slot;
            if (values.numel() === 0) continue; // of a batch that is cut, what other ranks update
            const batch = {
              isFused,
              parameters: slots.map(({ slot }) => this.#sharing?.originals.get(slot) ?? slot.values),
              gradients: slots.map(({ gradient }) => gradient),
              state: this.#kinds.map((_, kind) => slots.map(({ slot }) => slot.state[kind]!)),
            };
            this.update(batch, { lr: rate * group.lrScale, weightDecay: group.weightDecay, gradScale, step });
          }
      }),
    );
  }

  /**
   * Lets optimizers of other threads, of models of the same paths, update these very parameters: each of them by `follow`. From
   * here on steps of all threads are taken one after the other. Dispose it after theirs.
   */
  share(): SharedOptimizer {
    const slots = this.#slots;
    for (const slot of slots) if (slot.placement === '') this.#makeState(slot);
    const steps = new SharedArrayBuffer(slots.length * Int32Array.BYTES_PER_ELEMENT);
    new Int32Array(steps).set(slots.map(({ step }) => step));
    const mutex = new Mutex();
    const told: SharedOptimizer = {
      slots: slots.map(({ path, parameter, state }) => ({
        path,
        parameter: share(parameter),
        state: state.map(share),
      })),
      steps,
      lock: mutex.memory,
    };
    this.#sharing = { told, steps: new Int32Array(steps), mutex, originals: new Map() };
    return told;
  }

  /**
   * From here on a step updates the parameters of the thread that shares, by the gradients of these, which are then made equal to
   * them – as they are now.
   *
   * @throws CheckpointError when it is of other parameters
   */
  follow(told: SharedOptimizer): void {
    const slots = this.#slots;
    const paths = slots.map(({ path }) => path).join();
    if (paths !== told.slots.map(({ path }) => path).join())
      throw new CheckpointError('other-parameters', 'the shared optimizer is of other parameters', {
        remedy: 'Make the same model and the same groups in every thread.',
      });
    const originals = new Map<Slot, Tensor>();
    for (const [i, slot] of slots.entries()) {
      const { parameter, state } = told.slots[i]!;
      originals.set(slot, takeUp(parameter).keep());
      this.#free(slot);
      this.#makeState(slot);
      for (const tensor of slot.state) tensor.dispose();
      slot.state = state.map((ticket) => takeUp(ticket).keep());
    }
    this.#sharing = { told, steps: new Int32Array(told.steps), mutex: new Mutex(told.lock), originals };
    this.#sharing.mutex.run(() => copyOriginals(this.#sharing!));
  }

  /**
   * From here on updates these pieces of its parameters, one of each, and holds state of them only: other processes update the rest. A piece
   * without elements only counts steps.
   */
  cut(pieces: readonly ParameterPiece[]): void {
    invariant(!this.#sharing, 'an optimizer that threads share cannot be cut');
    const pieceOf = new Map(pieces.map((piece) => [piece.parameter, piece]));
    for (const slot of this.#slots) {
      invariant(slot.state.length === 0, 'an optimizer is cut before its first step');
      const piece = pieceOf.get(slot.parameter);
      invariant(piece, `there is no piece of "${slot.path}"`);
      slot.values = piece.values;
      slot.from = piece.from;
    }
    this.#isCut = true;
  }

  #makeState(slot: Slot): void {
    const { shape, dtype, device } = slot.values;
    slot.state = this.#kinds.map(() => zeros(shape, { dtype, device }).keep());
    slot.isFused = isFusable(slot.values);
    const isEmpty = this.#isCut && slot.values.numel() === 0;
    slot.placement = `${dtype} ${device} ${slot.isFused} ${isEmpty}`;
  }

  /** Forgets every gradient, so that the next backward starts from none. */
  zeroGrad(): void {
    for (const { parameter, values } of this.#slots) {
      parameter.grad = undefined;
      if (values !== parameter) values.grad = undefined;
    }
  }

  /** The optimizer's own tensors (not copies: save them before the next step) and step counts, by path. */
  state(): OptimizerState {
    const tensors: Record<string, Tensor> = {};
    const steps: Record<string, number> = {};
    const parts: Record<string, StatePart> = {};
    for (const [i, slot] of this.#slots.entries()) {
      steps[slot.path] = this.#sharing?.steps[i] ?? slot.step;
      for (const [kind, tensor] of slot.state.entries()) {
        const name = `${this.#kinds[kind]}.${slot.path}`;
        tensors[name] = tensor;
        parts[name] = { shape: slot.parameter.shape, from: slot.from };
      }
    }
    return this.#isCut ? { tensors, steps, parts } : { tensors, steps };
  }

  /**
   * Copies a saved state in, of whole parameters, also where it is cut itself; training goes on bit for bit. Nothing is changed when the
   * state does not fit.
   *
   * @throws CheckpointError naming a parameter without state or with an impossible step, a state of another shape, or one that belongs to nothing
   */
  loadState(saved: OptimizerState): void {
    const slots = this.#slots;
    const unknown = new Set(Object.keys(saved.tensors));
    const refuse = (code: string, message: string, path: string): never => {
      throw new CheckpointError(code, message, {
        remedy: 'Resume with the model, the optimizer and the groups the checkpoint was written with.',
        fields: { path },
      });
    };
    for (const { path, parameter } of slots) {
      const step = saved.steps[path];
      if (step === undefined) refuse('missing-tensor', `the optimizer's state lacks "${path}"`, path);
      if (!Number.isSafeInteger(step) || step! < 0)
        refuse('bad-step', `the optimizer's state gives "${path}" ${step} updates, which is no count`, path);
      for (const kind of step === 0 ? [] : this.#kinds) {
        const name = `${kind}.${path}`;
        const tensor = saved.tensors[name];
        if (!tensor) refuse('missing-tensor', `the optimizer's state lacks "${name}"`, name);
        else if (tensor.shape.join() !== parameter.shape.join())
          refuse(
            'wrong-shape',
            `the optimizer's "${name}" has shape [${tensor.shape.join(', ')}], the parameter [${parameter.shape.join(', ')}]`,
            name,
          );
        unknown.delete(name);
      }
    }
    for (const name of unknown)
      refuse('unexpected-tensor', `the optimizer's state holds "${name}", which nothing here needs`, name);
    noGrad(() => {
      for (const slot of slots) {
        const step = saved.steps[slot.path]!;
        slot.step = step;
        if (step === 0) this.#free(slot);
        else {
          if (slot.placement === '') this.#makeState(slot);
          for (const [kind, tensor] of slot.state.entries())
            scope(() => {
              const whole = saved.tensors[`${this.#kinds[kind]}.${slot.path}`]!;
              tensor.copy_(this.#isCut ? whole.view([-1]).narrow(0, slot.from, tensor.numel()) : whole);
            });
        }
      }
    });
  }

  #free(slot: Slot): void {
    for (const tensor of slot.state) tensor.dispose();
    slot.state = [];
    slot.placement = '';
  }

  /** Frees the state (not the parameters). */
  dispose(): void {
    const { told, originals } = this.#sharing ?? {};
    if (originals?.size === 0)
      for (const { parameter, state } of told!.slots) for (const ticket of [parameter, ...state]) unshare(ticket);
    for (const original of originals?.values() ?? []) original.dispose();
    this.#sharing = undefined;
    for (const slot of this.#slots) this.#free(slot);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** This thread's parameters become what the shared ones are. */
const copyOriginals = ({ originals }: Sharing): void =>
  noGrad(() =>
    scope(() => {
      for (const [{ parameter }, original] of originals) parameter.copy_(original);
    }),
  );

type Ready = { slot: Slot; gradient: Tensor };

/** The slots that have a gradient, by placement and step count: as a rule all in one batch. */
function batches(slots: readonly Slot[], makeState: (slot: Slot) => void): Iterable<Ready[]> {
  const found = new Map<string, Ready[]>();
  for (const slot of slots) {
    const gradient = slot.values.grad;
    if (!gradient) continue;
    if (slot.placement === '') makeState(slot);
    const key = `${slot.step} ${slot.placement}`;
    const batch = found.get(key);
    if (batch) batch.push({ slot, gradient });
    else found.set(key, [{ slot, gradient }]);
  }
  return found.values();
}
