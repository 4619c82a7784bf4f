// Keeps a thread of grammars running: starts it when it is needed, ends it when it takes too long, and has the next one take up the texts
// of the one before.
import { Worker } from 'node:worker_threads';
import { DataError, invariant, moduleBeside } from '../../base/index.ts';
import { BAD_GRAMMAR } from '../../text/index.ts';
import type { ThreadData } from './grammar-thread.ts';
import { FAILED, type Opened, type Order, SHARED } from './grammar-thread-types.ts';

export interface Limits {
  compileSeconds: number;
  tokenSeconds: number;
}

/** A text in the thread. */
export class ThreadText {
  readonly grammar: string;
  readonly key: number;
  readonly shared: Int32Array;
  readonly ids: number[] = [];
  /** It was worked on when the thread took too long. */
  stuck = false;
  readonly #host: ThreadHost;

  constructor(host: ThreadHost, key: number, grammar: string, vocabularySize: number) {
    this.#host = host;
    this.key = key;
    this.grammar = grammar;
    const bytes = 4 * (SHARED.bits + Math.ceil(vocabularySize / 32));
    this.shared = new Int32Array(new SharedArrayBuffer(bytes));
  }

  take(id: number): void {
    this.ids.push(id);
    this.#host.send({ key: this.key, take: id });
  }

  get endId(): number {
    return this.#host.endId;
  }

  get vocabularySize(): number {
    return this.#host.vocabularySize;
  }

  /** Waits until it is known what may follow. False: that takes too long. */
  wait(): boolean {
    return this.#host.wait(this);
  }

  close(): void {
    this.#host.close(this);
  }
}

export class ThreadHost implements Disposable {
  readonly #pieces: readonly (string | Uint8Array)[];
  readonly #endId: number;
  readonly #limits: Limits;
  readonly #texts = new Map<number, ThreadText>();
  readonly #opening = new Map<number, (opened?: Opened) => void>();
  #thread: Worker | undefined;
  #busy = new Int32Array(new SharedArrayBuffer(4));
  #keys = 0;

  constructor(pieces: readonly (string | Uint8Array)[], endId: number, limits: Limits) {
    this.#pieces = pieces;
    this.#endId = endId;
    this.#limits = limits;
  }

  get endId(): number {
    return this.#endId;
  }

  get vocabularySize(): number {
    return this.#pieces.length;
  }

  /** @throws DataError for what is no grammar */
  async open(grammar: string): Promise<ThreadText | 'too-slow'> {
    const text = new ThreadText(this, ++this.#keys, grammar, this.#pieces.length);
    this.#texts.set(text.key, text);
    this.#begin(text);
    for (;;) {
      const thread = this.#thread;
      const opened = await this.#answer(text);
      if (opened?.refused !== undefined) {
        this.#texts.delete(text.key);
        throw notRead(opened.refused);
      }
      if (opened) return text;
      if (!text.stuck && this.#thread === thread) this.#giveUp(text);
      if (text.stuck) return 'too-slow';
    }
  }

  /** The answer to what was begun, or nothing within the time or when it is given up. */
  #answer({ key }: ThreadText): Promise<Opened | undefined> {
    return new Promise((resolve) => {
      const end = (opened?: Opened) => {
        clearTimeout(timer);
        this.#opening.delete(key);
        resolve(opened);
      };
      const timer = setTimeout(end, 1000 * this.#limits.compileSeconds);
      this.#opening.set(key, end);
    });
  }

  /** Gives up the text that holds up the thread, which is `waiting` where no other does. The others go on in another thread. */
  #giveUp(waiting: ThreadText): void {
    const holder = this.#texts.get(Atomics.load(this.#busy, 0)) ?? waiting;
    holder.stuck = true;
    this.#texts.delete(holder.key);
    const old = this.#thread;
    this.#thread = undefined;
    void old?.terminate();
    for (const text of this.#texts.values()) this.#begin(text);
    this.#opening.get(holder.key)?.();
  }

  send(order: Order): void {
    this.#thread?.postMessage(order);
  }

  close(text: ThreadText): void {
    if (this.#texts.delete(text.key)) this.send({ key: text.key, close: true });
    if (this.#texts.size === 0) this.#thread?.unref();
  }

  /** Waits for what may follow in a text. Where another holds up the thread for too long, that one is given up. */
  wait(text: ThreadText): boolean {
    const wanted = text.ids.length + 1;
    for (;;) {
      if (text.stuck) return false;
      const step = Atomics.load(text.shared, SHARED.step);
      invariant(step !== FAILED, 'a token that came is one that might');
      if (step === wanted) return true;
      const { tokenSeconds, compileSeconds } = this.#limits;
      // The first of a thread that was replaced is compiled again.
      const seconds = step === 0 ? compileSeconds : tokenSeconds;
      if (Atomics.wait(text.shared, SHARED.step, step, 1000 * seconds) !== 'timed-out') continue;
      this.#giveUp(text);
    }
  }

  #begin({ key, grammar, ids, shared }: ThreadText): void {
    this.#thread ??= this.#start();
    Atomics.store(shared, SHARED.step, 0);
    this.send({ key, open: grammar, ids, shared: shared.buffer as SharedArrayBuffer });
  }

  #start(): Worker {
    this.#busy = new Int32Array(new SharedArrayBuffer(4));
    const workerData: ThreadData = {
      pieces: this.#pieces,
      endId: this.#endId,
      busy: this.#busy.buffer as SharedArrayBuffer,
    };
    // Node's flags are the program's: --input-type, for one, would keep the thread from starting.
    const thread = new Worker(moduleBeside('./grammar-thread', import.meta.url), { workerData, execArgv: [] });
    thread.on('message', (opened: Opened) => this.#opening.get(opened.key)?.(opened));
    thread.on('error', () => {
      const [waiting] = this.#texts.values();
      if (this.#thread !== thread) return;
      if (waiting) this.#giveUp(waiting);
      else this.#thread = undefined;
    });
    return thread;
  }

  [Symbol.dispose](): void {
    this.#texts.clear();
    void this.#thread?.terminate();
    this.#thread = undefined;
  }
}

/** XGrammar says where: "[FATAL] …/grammar_parser.cc:552: EBNF parser error at line 1, column 14: Rule "b" is not defined". */
function notRead(complaint: string) {
  const [, what] = /(?:EBNF (?:lexer|parser) error at )?(line \d+, column \d+: .*)$/.exec(complaint) ?? [];
  return new DataError(
    BAD_GRAMMAR,
    `the grammar cannot be read: ${what ?? complaint.replace(/^\[FATAL\] \S+: /, '')}`,
    {
      remedy: 'Write EBNF: rules such as root ::= "a" [0-9]+ | b, one a line.',
    },
  );
}
