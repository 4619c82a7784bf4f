// The models that are open, under a number of bytes. A model is opened when it is first asked for; where there is no room, those that
// are idle go, the one first that was longest not asked for. The weights of a folder are in memory once, whether a model, several adapters
// or drafts stand on them.
import { invariant, UserError } from '../../base/index.ts';
import {
  Draft,
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
import { adapterBytes, type FolderBytes, folderBytes, foldersOf, ownBytes } from './model-bytes.ts';
import type { DraftPlace, ModelCounters, ModelPlace, Note, ThreadSettings } from './protocol.ts';
import { SnapshotFolder } from './snapshot-folder.ts';

/** The weights of a folder, with how many models stand on them. */
interface Base {
  readonly model: Plamo2;
  readonly bytes: number;
  users: number;
}

interface Weights {
  readonly model: Plamo2;
  readonly close: () => void;
}

/** An open draft. */
interface Guessing {
  readonly draft: Draft;
  readonly close: () => void;
}

/** An open model. */
export interface LoadedModel {
  readonly name: string;
  readonly engine: Engine;
  readonly model: Plamo2;
  /** What guesses how its texts go on. */
  readonly draft: Draft | undefined;
  /** What holds texts of this model to grammars. */
  readonly grammars: () => Grammars;
  readonly weightBytes: number;
  /** Its draft's weights, and the memory that it may take for texts. */
  readonly draftBytes: number;
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
    for (const [name, before] of this.#before)
      counters[name] = { ...before, loaded: false, weightBytes: 0, draftBytes: 0 };
    for (const { name, engine, weightBytes, draftBytes } of this.all)
      counters[name] = {
        ...withBefore(engine.counters, this.#before.get(name)),
        ...{ loaded: true, weightBytes, draftBytes, smallestPrefix: engine.smallestPrefix },
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
    const own = ownBytes(place);
    const base = folderBytes(place);
    const draft = place.draft && folderBytes({ ...place, folder: place.draft.folder });
    if (!this.#makeRoom(place, own)) return undefined;
    const { slots, cacheBytes, cacheDir, queue: queueLimit } = this.#settings;
    const kept = cacheDir === undefined ? undefined : await SnapshotFolder.of(cacheDir, place, this.#note);
    const { model, close } = await this.#load(place, base);
    let guessing: Guessing | undefined;
    try {
      guessing = draft && this.#loadDraft(place.draft!, draft);
    } catch (error) {
      close();
      throw error;
    }
    const engine = new Engine(model, { slots, cacheBytes, queueLimit });
    kept?.load(engine);
    let grammars: Grammars | undefined;
    const loaded = {
      ...{ name, engine, own },
      model,
      draft: guessing?.draft,
      grammars: () => (grammars ??= new Grammars(loadTokenizer(place.folder))),
      weightBytes: place.adapter === undefined ? base.bytes : adapterBytes(place.adapter),
      draftBytes: draft ? draft.bytes + place.draft!.cacheBytes : 0,
      open: 0,
      usedAt: ++this.#clock,
      close: () => {
        kept?.save(engine);
        this.#before.set(name, closed(withBefore(engine.counters, this.#before.get(name))));
        engine[Symbol.dispose]();
        guessing?.close();
        grammars?.[Symbol.dispose]();
        close();
      },
    };
    this.#open.set(name, loaded);
    return loaded;
  }

  #makeRoom(place: ModelPlace, own: number): boolean {
    const folders = () => foldersOf(place).reduce((sum, { key, bytes }) => sum + (this.#bases.has(key) ? 0 : bytes), 0);
    const needed = () => own + this.#settings.cacheBytes + folders();
    while (this.bytes + needed() > this.#settings.memoryBytes) {
      const [idle] = [...this.#open.values()].filter(({ open }) => open === 0).sort((a, b) => a.usedAt - b.usedAt);
      if (!idle) return false;
      this.#open.delete(idle.name);
      idle.close();
    }
    return true;
  }

  async #load({ folder, adapter }: ModelPlace, base: FolderBytes): Promise<Weights> {
    if (adapter !== undefined) await requireBase(adapter, folder);
    const { model, close } = this.#weights(base);
    if (adapter === undefined) return { model, close };
    try {
      const adapted = sharingWeights(model);
      try {
        loadAdapter(adapted, adapter);
      } catch (error) {
        adapted.dispose();
        throw error;
      }
      return {
        model: adapted.eval() as Plamo2,
        close: () => {
          adapted.dispose();
          close();
        },
      };
    } catch (error) {
      close();
      throw error;
    }
  }

  #loadDraft({ cacheBytes: bytes, tokens: most }: DraftPlace, folder: FolderBytes): Guessing {
    const { model, close } = this.#weights(folder);
    const draft = new Draft(model, { most, bytes });
    return {
      draft,
      close: () => {
        draft[Symbol.dispose]();
        close();
      },
    };
  }

  /** The weights of a folder, which are in memory until the last who took them closes them. */
  #weights({ key, folder, dtype, bytes }: FolderBytes): Weights {
    const base = this.#bases.get(key) ?? { model: loadModel(folder, { dtype }).eval() as Plamo2, bytes, users: 0 };
    this.#bases.set(key, base);
    base.users++;
    const close = () => {
      if (--base.users > 0) return;
      this.#bases.delete(key);
      base.model.dispose();
    };
    return { model: base.model, close };
  }

  [Symbol.dispose](): void {
    for (const { close } of this.#open.values()) close();
    this.#open.clear();
  }
}

/** @throws UserError for a model that is larger than all the memory that models may take */
export function requireFitting(
  place: ModelPlace,
  { memoryBytes, cacheBytes }: Pick<Limits, 'memoryBytes' | 'cacheBytes'>,
): void {
  const weights = foldersOf(place).reduce((sum, { bytes }) => sum + bytes, ownBytes(place));
  if (weights + cacheBytes <= memoryBytes) return;
  const what = place.draft ? 'with its draft ' : '';
  throw new UserError(
    'model-too-large',
    `the model ${place.name} takes ${what}${megabytes(weights)} and its cache ${megabytes(cacheBytes)}, more than the ${megabytes(memoryBytes)} that models may take`,
    {
      remedy: `Allow more with --memory, give the cache less with --cache, ${place.draft ? 'leave the draft out, ' : ''}or serve a quantized model.`,
      fields: { model: place.name, weights, cacheBytes, memoryBytes },
    },
  );
}

const megabytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(bytes < 10 << 20 ? 1 : 0)} MiB`;
