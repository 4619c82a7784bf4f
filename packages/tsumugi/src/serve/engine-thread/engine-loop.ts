// What the engine's thread does: takes requests to models, opens models in the order in which they are asked for, and has every model
// that has something to write make a pass in its turn.
import { type Steps, UserError } from '../../base/index.ts';
import {
  type EngineRequest,
  embedIds,
  type Job,
  PromptLookup,
  promptLogprobs,
  type TokenConstraint,
} from '../../lm/index.ts';
import { liveHandles } from '../../torch/index.ts';
import { type LoadedModel, LoadedModels } from './loaded-models.ts';
import { plainError } from './plain-error.ts';
import type { FromThread, NewToken, ThreadSettings, ToThread } from './protocol.ts';

/** A request on its way. */
interface Open {
  readonly loaded: LoadedModel;
  readonly job: Pick<Job, 'cancel'> & Partial<Pick<Job, 'usage'>>;
}

type Adding = Extract<ToThread, { type: 'add' }>;
type Reading = Extract<ToThread, { type: 'embed' | 'score' }>;
type Asking = Extract<ToThread, { type: 'load' | 'add' }> | Reading;

export class EngineLoop implements Disposable {
  readonly #settings: ThreadSettings;
  readonly #tell: (message: FromThread) => void;
  readonly #wake: () => void;
  readonly #models: LoadedModels;
  /** What waits for its model to be open, in order: nobody is overtaken by those whose model is open already. */
  readonly #asking: Asking[] = [];
  readonly #jobs = new Map<number, Open>();
  /** Texts that are only read, for their vectors or how likely they are: the first of them is under way. */
  readonly #reading = new Map<number, Steps<FromThread>>();
  #tokens: NewToken[] = [];
  #ending = false;

  /** @param wake called when there is something to do that no message told of */
  constructor(settings: ThreadSettings, tell: (message: FromThread) => void, wake: () => void = () => {}) {
    this.#settings = settings;
    this.#tell = tell;
    this.#wake = wake;
    this.#models = new LoadedModels(settings, (note) => tell({ type: 'note', note }));
  }

  /** Whether the end was asked for and all is written. */
  get over(): boolean {
    return this.#ending && this.#asking.length === 0 && this.#jobs.size === 0;
  }

  /** Whether something has come that was not looked at. */
  get waiting(): boolean {
    return this.#asking.length > 0 || this.over || this.#models.all.some(({ engine }) => engine.busy);
  }

  take(message: ToThread): void {
    switch (message.type) {
      case 'load':
      case 'add':
      case 'embed':
      case 'score':
        this.#asking.push(message);
        break;
      case 'cancel':
        this.#cancel(message.job);
        break;
      case 'count':
        this.count();
        break;
      case 'end':
        this.#ending = true;
        break;
      default:
        throw new TypeError(`the engine's thread does not know the message ${JSON.stringify(message)}`);
    }
  }

  /** Opens what can be opened, and has every engine that is busy make a pass. False when there is nothing to do. */
  async work(): Promise<boolean> {
    await this.#admit();
    let worked = false;
    for (const { engine } of this.#models.all) {
      if (!engine.busy) continue;
      engine.step();
      worked = true;
      // A pass may be long: what it brought goes out before the next model's.
      this.#flush();
    }
    return this.#readPiece() || worked;
  }

  async #admit(): Promise<void> {
    for (let first = this.#asking[0]; first; first = this.#asking[0]) {
      const opened = await this.#open(first.model);
      if (opened === undefined) return; // Until those in its way have ended.
      if (this.#asking[0] !== first) continue; // Cancelled meanwhile.
      this.#asking.shift();
      if ('error' in opened) this.#fail(first.job, opened.error, true);
      else if (first.type === 'load') this.#tell({ type: 'accepted', job: first.job });
      else this.#begin(opened, first);
    }
  }

  async #open(name: string): Promise<LoadedModel | { error: unknown } | undefined> {
    try {
      return this.#models.get(name) ?? (await this.#models.open(name));
    } catch (error) {
      return { error };
    }
  }

  #begin(loaded: LoadedModel, asked: Exclude<Asking, { type: 'load' }>, constraint?: TokenConstraint): void {
    const { job } = asked;
    try {
      if (asked.type === 'add' && asked.request.grammar !== undefined && !constraint) {
        void this.#constrain(loaded, asked, asked.request.grammar);
        return;
      }
      const begun =
        asked.type !== 'add'
          ? this.#read(loaded, asked)
          : loaded.engine.add(this.#engineRequest(loaded, asked, constraint));
      this.#hold(job, loaded, begun);
      this.#tell({ type: 'accepted', job });
    } catch (error) {
      constraint?.[Symbol.dispose]();
      this.#fail(job, error, true);
    }
  }

  #hold(job: number, loaded: LoadedModel, begun: Open['job']): Open {
    const open = { loaded, job: begun };
    this.#jobs.set(job, open);
    loaded.open++;
    return open;
  }

  /** Begins a text when its grammar is ready: another thread compiles it, and the passes go on. */
  async #constrain(loaded: LoadedModel, asked: Adding, grammar: string): Promise<void> {
    const { job, request } = asked;
    const waiting = this.#hold(job, loaded, { cancel: () => {} });
    try {
      const constraint = await loaded.grammars().constrain(grammar, request.stopIds ?? []);
      if (this.#jobs.get(job) !== waiting)
        constraint[Symbol.dispose](); // Cancelled meanwhile.
      else {
        this.#close(job);
        this.#begin(loaded, asked, constraint);
      }
    } catch (error) {
      if (this.#jobs.get(job) === waiting) {
        this.#close(job);
        this.#fail(job, error, true);
      }
    }
    this.#wake();
  }

  #engineRequest(
    { draft }: LoadedModel,
    { job, request }: Adding,
    constraint: TokenConstraint | undefined,
  ): EngineRequest {
    const { grammar: _grammar, ...settings } = request;
    const { promptLookup = 0 } = this.#settings;
    const proposer = draft?.proposer() ?? (promptLookup > 0 ? new PromptLookup({ most: promptLookup }) : undefined);
    let begun = false;
    return {
      ...settings,
      ...(constraint && { constraint }),
      ...(proposer && { proposer }),
      remember: true,
      onId: (id, logprobs) => {
        if (!begun) this.#begun(job);
        begun = true;
        this.#tokens.push(logprobs === undefined ? [job, id] : [job, id, logprobs]);
        return false;
      },
      onEnd: (reason, usage) => {
        this.#close(job);
        this.#flush();
        this.#tell({ type: 'ended', job, reason, usage });
      },
      onError: (error) => {
        this.#close(job);
        this.#fail(job, error, false);
      },
    };
  }

  #read({ model }: LoadedModel, asked: Reading): Open['job'] {
    const { slots, queue } = this.#settings;
    if (this.#reading.size >= slots + queue) throw queueFull(queue);
    const { job } = asked;
    const steps = readingOf(model, asked);
    this.#reading.set(job, steps);
    return {
      cancel: () => {
        steps.return(undefined as never);
        this.#reading.delete(job);
      },
    };
  }

  /** Reads a piece of the first text that is only read. */
  #readPiece(): boolean {
    for (const [job, steps] of this.#reading) {
      try {
        const step = steps.next();
        if (!step.done) return true;
        this.#tell(step.value);
      } catch (error) {
        this.#fail(job, error, true);
      }
      this.#reading.delete(job);
      this.#close(job);
      return true;
    }
    return false;
  }

  #begun(job: number): void {
    const usage = this.#jobs.get(job)?.job.usage;
    if (usage) this.#tell({ type: 'begun', job, usage });
  }

  #cancel(job: number): void {
    const place = this.#asking.findIndex((each) => each.job === job);
    if (place >= 0) this.#asking.splice(place, 1);
    this.#jobs.get(job)?.job.cancel();
    this.#close(job);
  }

  #close(job: number): void {
    const open = this.#jobs.get(job);
    if (!open) return;
    open.loaded.open--;
    this.#jobs.delete(job);
  }

  /** @param user whether it can be a mistake in what was asked */
  #fail(job: number, error: unknown, user: boolean): void {
    this.#flush();
    this.#tell({ type: 'failed', job, error: plainError(error, user) });
  }

  #flush(): void {
    if (this.#tokens.length === 0) return;
    this.#tell({ type: 'ids', tokens: this.#tokens });
    this.#tokens = [];
  }

  /** Tells how the models stand. */
  count(): void {
    this.#tell({ type: 'counters', counters: { models: this.#models.counters, liveHandles: liveHandles() } });
  }

  [Symbol.dispose](): void {
    for (const job of [...this.#reading.keys()]) this.#cancel(job);
    this.#models[Symbol.dispose]();
  }
}

/** Reads a text piece by piece, up to what is told of it. */
function* readingOf(model: LoadedModel['model'], asked: Reading): Steps<FromThread> {
  const { job, ids } = asked;
  if (asked.type === 'embed') return { type: 'embedded', job, vector: yield* embedIds(model, ids) };
  return { type: 'scored', job, tokens: yield* promptLogprobs(model, ids, { top: asked.top }) };
}

const queueFull = (queue: number): UserError =>
  new UserError('queue-full', `${queue} texts wait to be read already`, {
    remedy: 'Try again later.',
    fields: { queue },
  });
