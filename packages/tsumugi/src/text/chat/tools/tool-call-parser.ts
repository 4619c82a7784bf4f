// Calls of tools out of a text that comes piece by piece.
import { isObject } from '../../../base/index.ts';
import { CALL_BEGIN, CALL_END } from './tool-format.ts';

export type SpokenPart =
  | { readonly type: 'text'; readonly text: string }
  /** `arguments` is a text of JSON. */
  | { readonly type: 'call'; readonly name: string; readonly arguments: string };

/**
 * Tells text and calls apart: give it the text as it comes. What may be the beginning of a tag is held back until it is known. What stands
 * between the tags and is no call of a tool that there is, comes back as the text that it is.
 */
export class ToolCallParser {
  readonly #names: ReadonlySet<string> | undefined;
  #held = '';
  /** Where the end of the call is looked for next; undefined outside of a call. */
  #from: number | undefined;
  #calls = 0;

  /** @param names of the tools that there are; left out, any name will do */
  constructor(names?: Iterable<string>) {
    this.#names = names && new Set(names);
  }

  push(text: string): SpokenPart[] {
    this.#held += text;
    const parts: SpokenPart[] = [];
    for (;;) {
      if (this.#from === undefined) {
        const begin = this.#held.indexOf(CALL_BEGIN);
        if (begin < 0) {
          parts.push(...this.#say(this.#held.length - heldBack(this.#held)));
          return joined(parts);
        }
        // Blanks in front of a call are no part of what is said.
        parts.push(...this.#say(this.#held.slice(0, begin).trimEnd().length));
        this.#held = this.#held.trimStart();
        this.#from = CALL_BEGIN.length;
      }
      const end = this.#held.indexOf(CALL_END, this.#from);
      if (end < 0) {
        this.#from = Math.max(this.#from, this.#held.length - CALL_END.length + 1);
        return joined(parts);
      }
      parts.push(this.#call(end, end + CALL_END.length));
      this.#from = undefined;
    }
  }

  /** The text is over: what was held back. A call without its end is one where it is whole. */
  end(): SpokenPart[] {
    if (this.#from !== undefined) return [this.#call(this.#held.length, this.#held.length)];
    return this.#say(this.#calls > 0 ? this.#held.trimEnd().length : this.#held.length);
  }

  #say(length: number): SpokenPart[] {
    const text = this.#held.slice(0, length);
    this.#held = this.#held.slice(length);
    return text === '' ? [] : [{ type: 'text', text }];
  }

  /** What is held is a call from its tag up to `end`, with `length` characters in all. */
  #call(end: number, length: number): SpokenPart {
    const call = this.#read(this.#held.slice(CALL_BEGIN.length, end));
    const text = this.#held.slice(0, length);
    this.#held = this.#held.slice(length);
    if (call) this.#calls++;
    return call ?? { type: 'text', text };
  }

  #read(text: string): SpokenPart | undefined {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      return undefined;
    }
    if (!isObject(value)) return undefined;
    const { name, arguments: given = {} } = value;
    if (typeof name !== 'string' || (this.#names && !this.#names.has(name))) return undefined;
    const args = typeof given === 'string' ? parsed(given) : given;
    return isObject(args) ? { type: 'call', name, arguments: JSON.stringify(args) } : undefined;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Characters at the end of a text that may come before a call or begin its tag. */
function heldBack(text: string): number {
  let tag = Math.min(CALL_BEGIN.length - 1, text.length);
  while (!text.endsWith(CALL_BEGIN.slice(0, tag))) tag--;
  const before = text.slice(0, text.length - tag);
  return text.length - before.trimEnd().length;
}

/** Texts that follow each other are one. */
function joined(parts: readonly SpokenPart[]): SpokenPart[] {
  const all: SpokenPart[] = [];
  for (const part of parts) {
    const last = all.at(-1);
    if (part.type === 'text' && last?.type === 'text')
      all[all.length - 1] = { type: 'text', text: last.text + part.text };
    else all.push(part);
  }
  return all;
}
