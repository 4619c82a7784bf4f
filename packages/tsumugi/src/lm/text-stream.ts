// From ids, one by one, to text that may be shown: whole characters only, and nothing of a stop string. A character that is
// still unfinished when the text ends is left out.
import type { Tokenizer } from '../text/index.ts';

/** Bytes of a character that lacks its last. */
const LONGEST_UNFINISHED = 3;

export class TextStream {
  readonly #decoder: ReturnType<Tokenizer['decoder']>;
  readonly #stop: readonly string[];
  /** Text that may be the beginning of a stop string. */
  #held = '';
  #stopString: string | undefined;
  #decoded = 0;

  /** @param before the ids that the text goes on from: they may end inside a character */
  constructor(tokenizer: Tokenizer, stop: readonly string[] = [], before: readonly number[] = []) {
    this.#decoder = tokenizer.decoder();
    for (const id of before.slice(-LONGEST_UNFINISHED)) this.#decoder.push(id);
    this.#stop = stop.filter((text) => text.length > 0);
  }

  /** Whether a stop string has come: the text has ended before it. */
  get stopped(): boolean {
    return this.#stopString !== undefined;
  }

  /** The stop string that has come. */
  get stopString(): string | undefined {
    return this.#stopString;
  }

  /** Characters that the ids so far have given, whether they may be shown or not. */
  get decoded(): number {
    return this.#decoded;
  }

  /** The text that `id` makes certain, '' for none. */
  push(id: number): string {
    const text = this.#decoder.push(id);
    this.#decoded += text.length;
    this.#held += text;
    const end = firstStop(this.#held, this.#stop);
    if (end < 0) return this.#release(this.#held.length - longestStopPrefix(this.#held, this.#stop));
    this.#stopString = this.#stop.find((word) => this.#held.startsWith(word, end));
    return this.#release(end);
  }

  /** What was held back, once no more ids come: '' after a stop string. */
  end(): string {
    if (this.stopped) return '';
    return this.#release(this.#held.length);
  }

  #release(length: number): string {
    const text = this.#held.slice(0, length);
    this.#held = this.#held.slice(length);
    return text;
  }
}

function firstStop(text: string, stop: readonly string[]): number {
  const places = stop.map((word) => text.indexOf(word)).filter((place) => place >= 0);
  return places.length ? Math.min(...places) : -1;
}

/** Length of the longest end of `text` that begins some stop string. */
function longestStopPrefix(text: string, stop: readonly string[]): number {
  let longest = 0;
  for (const word of stop)
    for (let length = Math.min(word.length - 1, text.length); length > longest; length--)
      if (text.endsWith(word.slice(0, length))) longest = length;
  return longest;
}
