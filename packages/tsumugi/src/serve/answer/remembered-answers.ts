// The ids with which answers were written. A text can be encoded in several ways; in the next turn of its conversation an answer has
// to be what the model wrote, so that the state after it can be gone on from.
import { hash } from 'node:crypto';

/** What an answer takes besides its ids, in ids: its key, its place in the map, and the array's own. */
const ENTRY = 100;

export class RememberedAnswers {
  /** In the order in which they were last used. */
  readonly #ids = new Map<string, Int32Array>();
  readonly #limit: number;
  #held = 0;

  /** @param limit ids of all answers together, with what each takes besides: 4 bytes each */
  constructor(limit = 1 << 20) {
    this.#limit = limit;
  }

  /** @param before the ids of the prompt */
  put(model: string, before: readonly number[], text: string, ids: readonly number[]): void {
    if (ids.length === 0 || ids.length + ENTRY > this.#limit) return;
    const key = keyOf(model, before, text);
    this.#remove(key);
    this.#ids.set(key, Int32Array.from(ids));
    this.#held += ids.length + ENTRY;
    while (this.#held > this.#limit) this.#remove(this.#ids.keys().next().value!);
  }

  get(model: string, before: readonly number[], text: string): readonly number[] | undefined {
    const key = keyOf(model, before, text);
    const found = this.#ids.get(key);
    if (!found) return undefined;
    this.#ids.delete(key);
    this.#ids.set(key, found);
    return Array.from(found);
  }

  /** Answers that are held. */
  get size(): number {
    return this.#ids.size;
  }

  #remove(key: string): void {
    const known = this.#ids.get(key);
    if (!known) return;
    this.#held -= known.length + ENTRY;
    this.#ids.delete(key);
  }
}

/** A hash: neither prompts nor answers are kept. */
const keyOf = (model: string, before: readonly number[], text: string): string =>
  `${model}\0${hash('sha256', Buffer.from(Int32Array.from(before).buffer), 'base64')}${hash('sha256', text, 'base64')}`;
