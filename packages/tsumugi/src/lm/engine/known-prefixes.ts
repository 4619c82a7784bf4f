// Prefixes of prompts that were read, whether or not their state is still there: where prompts part from earlier ones, and why no more was found.

/** So many pieces are remembered, at about 100 bytes each. */
const MOST = 1 << 16;

export class KnownPrefixes {
  /** By the key of a piece, oldest first: whether a state was there and had to go. */
  readonly #pieces = new Map<string, boolean>();

  /** It was read. */
  add(key: string): void {
    const wasEvicted = this.#pieces.get(key) ?? false;
    this.#pieces.delete(key);
    this.#pieces.set(key, wasEvicted);
    if (this.#pieces.size <= MOST) return;
    const [oldest] = this.#pieces.keys();
    this.#pieces.delete(oldest!);
  }

  /** Its state is there, or is no more. */
  note(key: string, wasEvicted: boolean): void {
    if (this.#pieces.has(key)) this.#pieces.set(key, wasEvicted);
  }

  /** How many of a prompt's first pieces were read before. */
  pieces(keys: readonly string[]): number {
    return keys.findLastIndex((key) => this.#pieces.has(key)) + 1;
  }

  wasEvicted(keys: readonly string[]): boolean {
    return keys.some((key) => this.#pieces.get(key));
  }
}
