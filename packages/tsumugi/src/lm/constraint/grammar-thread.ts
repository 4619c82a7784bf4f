// The thread that knows grammars: it is told which ids come in each text, and writes into memory that is shared which may follow. A grammar
// can send it round for ever; then it is ended, and another takes its place (thread-host.ts).
import { parentPort, workerData } from 'node:worker_threads';
import { FAILED, type Opened, type Order, SHARED, STATE } from './grammar-thread-types.ts';
import { type Matcher, startXGrammar, type XGrammar } from './xgrammar.ts';

/** What the thread is started with. */
export interface ThreadData {
  /** In the order of their ids: text, bytes, or '' for what is no text. */
  pieces: readonly (string | Uint8Array)[];
  /** Stands for the end of a text in the bits. */
  endId: number;
  /** The key of the text that is being worked on, 0 for none. */
  busy: SharedArrayBuffer;
}

/** Compiled grammars that are kept for the next that is the same. */
const KEPT = 32;

interface Text {
  readonly matcher: Matcher;
  readonly shared: Int32Array;
  /** The id that came last. */
  last: number | undefined;
}

/** Bytes that begin a character and do not go on with every byte of 80 to BF: UTF-8 has none that is longer than need be. */
const second: Readonly<Record<number, readonly [first: number, last: number]>> = {
  224: [0xa0, 0xbf],
  237: [0x80, 0x9f],
  240: [0x90, 0xbf],
  244: [0x80, 0x8f],
};

class GrammarThread {
  readonly #data: ThreadData;
  readonly #busy: Int32Array;
  readonly #complaints: string[] = [];
  #library: Promise<XGrammar> | undefined;
  #compiler: InstanceType<XGrammar['GrammarCompiler']> | undefined;
  /** Reads grammars before the other one does: one that cannot be read is its end. */
  #checker: Promise<XGrammar> | undefined;
  readonly #compiled = new Map<string, { delete(): void }>();
  readonly #texts = new Map<number, Text>();
  /** The id of each byte. */
  readonly #byteIds = new Map<number, number>();

  constructor(data: ThreadData) {
    this.#data = data;
    this.#busy = new Int32Array(data.busy);
    for (const [id, piece] of data.pieces.entries()) if (typeof piece !== 'string') this.#byteIds.set(piece[0]!, id);
  }

  async follow(order: Order): Promise<Opened | undefined> {
    // Where it fails, it stays: whose fault it was.
    Atomics.store(this.#busy, 0, order.key);
    const answer = await this.#follow(order);
    Atomics.store(this.#busy, 0, 0);
    return answer;
  }

  async #follow(order: Order): Promise<Opened | undefined> {
    if ('open' in order) return this.#open(order);
    const text = this.#texts.get(order.key);
    if (!text) return undefined;
    if ('close' in order) {
      this.#texts.delete(order.key);
      text.matcher.delete();
    } else if (text.matcher.AcceptToken(order.take, false)) {
      text.last = order.take;
      await this.#write(text);
    } else fail(text.shared);
    return undefined;
  }

  async #open({ key, open, ids, shared }: Extract<Order, { open: string }>): Promise<Opened> {
    const view = new Int32Array(shared);
    const refused = await this.#fault(open);
    if (refused !== undefined) {
      fail(view);
      return { key, refused };
    }
    const library = await this.#start();
    const matcher = new library.GrammarMatcher(this.#compile(library, open), undefined, false, -1);
    for (const id of ids) matcher.AcceptToken(id, false);
    const text: Text = { matcher, shared: view, last: ids.at(-1) };
    this.#texts.set(key, text);
    Atomics.store(view, SHARED.step, ids.length);
    await this.#write(text);
    return { key };
  }

  /** What is wrong with a grammar. */
  async #fault(grammar: string): Promise<string | undefined> {
    if (this.#compiled.has(grammar)) return undefined;
    this.#complaints.length = 0;
    this.#checker ??= startXGrammar((line) => this.#complaints.push(line));
    try {
      (await this.#checker).Grammar.FromEBNF(grammar, 'root').delete();
      return undefined;
    } catch (error) {
      this.#checker = undefined;
      return this.#complaints[0] ?? String(error);
    }
  }

  #start(): Promise<XGrammar> {
    this.#library ??= startXGrammar(() => {}).then((library) => {
      const { pieces, endId } = this.#data;
      const all = library.vecStringFromJSArray(pieces);
      const info = new library.TokenizerInfo(all, 'RAW', pieces.length, library.vecIntFromJSArray([endId]), false);
      all.delete();
      this.#compiler = new library.GrammarCompiler(info, 1, false);
      return library;
    });
    return this.#library;
  }

  #compile(library: XGrammar, text: string): { delete(): void } {
    const known = this.#compiled.get(text);
    this.#compiled.delete(text);
    let compiled = known;
    if (!compiled) {
      const grammar = library.Grammar.FromEBNF(text, 'root');
      compiled = this.#compiler!.CompileGrammar(grammar);
      grammar.delete();
    }
    this.#compiled.set(text, compiled);
    for (const [oldest, each] of this.#compiled) {
      if (this.#compiled.size <= KEPT) break;
      this.#compiled.delete(oldest);
      each.delete();
    }
    return compiled;
  }

  /** Takes out bytes that would not be UTF-8, which XGrammar's classes are not strict about. */
  #keepUtf8(shared: Int32Array, last: number | undefined): void {
    const piece = last === undefined ? '' : this.#data.pieces[last]!;
    const range = typeof piece === 'string' ? undefined : second[piece[0]!];
    if (!range) return;
    for (let byte = 0x80; byte <= 0xbf; byte++) {
      const id = this.#byteIds.get(byte)!;
      if (byte < range[0] || byte > range[1]) shared[SHARED.bits + (id >> 5)]! &= ~(1 << (id & 31));
    }
  }

  async #write({ matcher, shared, last }: Text): Promise<void> {
    const library = await this.#start();
    const { pieces, endId } = this.#data;
    const vector = matcher.GetNextTokenBitmask(pieces.length);
    const bits = library.vecIntToView(vector);
    shared.set(bits, SHARED.bits);
    vector.delete();
    this.#keepUtf8(shared, last);
    const end = 1 << (endId & 31);
    const goesOn = shared.some(
      (word, i) => i >= SHARED.bits && (i === SHARED.bits + (endId >> 5) ? word & ~end : word) !== 0,
    );
    const ends = (shared[SHARED.bits + (endId >> 5)]! & end) !== 0;
    shared[SHARED.state] = goesOn ? STATE.goesOn : ends ? STATE.ends : STATE.isStuck;
    Atomics.add(shared, SHARED.step, 1);
    Atomics.notify(shared, SHARED.step);
  }
}

function fail(shared: Int32Array): void {
  Atomics.store(shared, SHARED.step, FAILED);
  Atomics.notify(shared, SHARED.step);
}

const thread = new GrammarThread(workerData as ThreadData);
let before: Promise<unknown> = Promise.resolve();
parentPort!.on('message', (order: Order) => {
  before = before.then(async () => {
    const answer = await thread.follow(order);
    if (answer) parentPort!.postMessage(answer);
  });
});
