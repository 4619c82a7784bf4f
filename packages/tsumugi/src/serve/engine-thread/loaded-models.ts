// The models that are open, under a number of bytes. A model is opened when it is first asked for; where there is no room, those that
// are idle go, the one first that was longest not asked for. A base that several adapters stand on is in memory once.
import { invariant, UserError } from '../../base/index.ts';
import {
  Engine,
  type EngineCounters,
  Grammars,
  loadAdapter,
  loadModel,
  loadTokenizer,
  type Plamo2,
  requireBase,
  sharingWeights,
} from '../../lm/index.ts';
import { closed, withBefore } from './counted.ts';
import { adapterBytes, weightBytes } from './model-bytes.ts';
import type { ModelCounters, ModelPlace, Note, ThreadSettings } from './protocol.ts';
import { SnapshotFolder } from './snapshot-folder.ts';

/** The weights of a folder, with how many models stand on them. */
interface Base {
  readonly model: Plamo2;
  readonly bytes: number;
  users: number;
}

/** An open model. */
export interface LoadedModel {
  readonly name: string;
  readonly engine: Engine;
  readonly model: Plamo2;
  /** What holds texts of this model to grammars. */
  readonly grammars: () => Grammars;
  readonly weightBytes: number;
  /** Requests that have been taken on and not ended. */
  open: number;
  usedAt: number;
}

type Limits = Pick<ThreadSettings, 'models' | 'memoryBytes' | 'cacheBytes' | 'cacheDir' | 'slots' | 'queue'>;

export class LoadedModels implements Disposable {
  readonly #settings: Limits;
  readonly #note: (note: Note) => void;
  readonly #open = new Map<string, LoadedModel & { readonly own: number; readonly close: () => void }>();
  readonly #bases = new Map<string, Base>();
  /** What engines that are gone have counted. */
  readonly #before = new Map<string, EngineCounters>();
  #clock = 0;

  /** @param note told of what is kept on disk */
  constructor(settings: Limits, note: (note: Note) => void = () => {}) {
    this.#settings = settings;
    this.#note = note;
  }

  get all(): readonly LoadedModel[] {
    return [...this.#open.values()];
  }

  /** The model, if it is open; it counts as used. */
  get(name: string): LoadedModel | undefined {
    const found = this.#open.get(name);
    if (found) found.usedAt = ++this.#clock;
    return found;
  }

  /** How the models stand that were ever open. */
  get counters(): Record<string, ModelCounters> {
    const counters: Record<string, ModelCounters> = {};
    for (const [name, before] of this.#before) counters[name] = { ...before, loaded: false, weightBytes: 0 };
    for (const { name, engine, weightBytes } of this.all)
      counters[name] = {
        ...withBefore(engine.counters, this.#before.get(name)),
        ...{ loaded: true, weightBytes, smallestPrefix: engine.smallestPrefix },
      };
    return counters;
  }

  /** Bytes that weights and room for caches take now. */
  get bytes(): number {
    const bases = [...this.#bases.values()].reduce((sum, { bytes }) => sum + bytes, 0);
    return [...this.#open.values()].reduce((sum, { own }) => sum + own + this.#settings.cacheBytes, bases);
  }

  /**
   * Opens a model that is not open. Undefined when others are in its way that still write.
   * @throws UserError when it would not fit even alone, and whatever loading does
   */
  async open(name: string): Promise<LoadedModel | undefined> {
    const place = this.#settings.models.find((each) => each.name === name);
    invariant(place, `"${name}" is a model of the thread`);
    requireFitting(place, this.#settings);
    const base = weightBytes(place);
    const own = place.adapter === undefined ? 0 : adapterBytes(place.adapter);
    if (!this.#makeRoom(base, own, place)) return undefined;
    const { slots, cacheBytes, cacheDir, queue: queueLimit } = this.#settings;
    const kept = cacheDir === undefined ? undefined : await SnapshotFolder.of(cacheDir, place, this.#note);
    const { model, close } = await this.#load(place, base);
    const engine = new Engine(model, { slots, cacheBytes, queueLimit });
    kept?.load(engine);
    let grammars: Grammars | undefined;
    const loaded = {
      ...{ name, engine, own },
      model,
      grammars: () => (grammars ??= new Grammars(loadTokenizer(place.folder))),
      weightBytes: place.adapter === undefined ? base : own,
      open: 0,
      usedAt: ++this.#clock,
      close: () => {
        kept?.save(engine);
        this.#before.set(name, closed(withBefore(engine.counters, this.#before.get(name))));
        engine[Symbol.dispose]();
        grammars?.[Symbol.dispose]();
        close();
      },
    };
    this.#open.set(name, loaded);
    return loaded;
  }

  #makeRoom(base: number, own: number, place: ModelPlace): boolean {
    const needed = () => own + this.#settings.cacheBytes + (this.#bases.has(keyOf(place)) ? 0 : base);
    while (this.bytes + needed() > this.#settings.memoryBytes) {
      const [idle] = [...this.#open.values()].filter(({ open }) => open === 0).sort((a, b) => a.usedAt - b.usedAt);
      if (!idle) return false;
      this.#open.delete(idle.name);
      idle.close();
    }
    return true;
  }

  async #load(place: ModelPlace, bytes: number): Promise<{ model: Plamo2; close: () => void }> {
    const { folder, adapter, dtype } = place;
    if (adapter !== undefined) await requireBase(adapter, folder);
    const key = keyOf(place);
    const base = this.#bases.get(key) ?? { model: loadModel(folder, { dtype }).eval() as Plamo2, bytes, users: 0 };
    this.#bases.set(key, base);
    base.users++;
    const release = () => {
      if (--base.users > 0) return;
      this.#bases.delete(key);
      base.model.dispose();
    };
    if (adapter === undefined) return { model: base.model, close: release };
    try {
      const model = sharingWeights(base.model);
      const close = () => {
        model.dispose();
        release();
      };
      try {
        loadAdapter(model, adapter);
      } catch (error) {
        model.dispose();
        throw error;
      }
      return { model: model.eval() as Plamo2, close };
    } catch (error) {
      release();
      throw error;
    }
  }

  [Symbol.dispose](): void {
    for (const { close } of this.#open.values()) close();
    this.#open.clear();
  }
}

const keyOf = ({ folder, dtype }: ModelPlace): string => JSON.stringify([folder, dtype]);

/** @throws UserError for a model that is larger than all the memory that models may take */
export function requireFitting(
  place: ModelPlace,
  { memoryBytes, cacheBytes }: Pick<Limits, 'memoryBytes' | 'cacheBytes'>,
): void {
  const weights = weightBytes(place) + (place.adapter === undefined ? 0 : adapterBytes(place.adapter));
  if (weights + cacheBytes <= memoryBytes) return;
  throw new UserError(
    'model-too-large',
    `the model ${place.name} takes ${megabytes(weights)} and its cache ${megabytes(cacheBytes)}, more than the ${megabytes(memoryBytes)} that models may take`,
    {
      remedy: 'Allow more with --memory, give the cache less with --cache, or serve a quantized model.',
      fields: { model: place.name, weights, cacheBytes, memoryBytes },
    },
  );
}

const megabytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(bytes < 10 << 20 ? 1 : 0)} MiB`;
