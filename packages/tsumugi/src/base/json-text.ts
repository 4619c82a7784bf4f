// JSON from outside: what a text may hold is counted before it is parsed. Files come from anywhere; a text of nothing but
// brackets or commas takes many times its own size in memory, and a deep one overflows the stack of whatever walks it.

/** The longest JSON file that is read, in bytes: the limit of a safetensors header. */
export const MAX_JSON_BYTES = 100_000_000;
/** Sharded weights of the largest published models have some ten thousand names. */
const MAX_VALUES = 2_000_000;
const MAX_DEPTH = 256;

/** The index of the quote that ends the string whose first character is at `from`; the text's end when there is none. */
function endOfString(text: string, from: number): number {
  for (let end = text.indexOf('"', from); end >= 0; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (end - backslashes > from && text.charCodeAt(end - 1 - backslashes) === 0x5c) backslashes++;
    if (backslashes % 2 === 0) return end;
  }
  return text.length;
}

/** What is wrong with the amount that `text` holds, as the end of a sentence; undefined when it can be parsed. */
export function jsonExcess(text: string, mostValues: number = MAX_VALUES): string | undefined {
  let values = 0;
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case 0x22: // "
        i = endOfString(text, i + 1);
        break;
      case 0x5b: // [
      case 0x7b: // {
        if (++depth > MAX_DEPTH) return `nests deeper than ${MAX_DEPTH} levels`;
        values++;
        break;
      case 0x5d: // ]
      case 0x7d: // }
        depth--;
        break;
      case 0x2c: // ,
        values++;
        break;
    }
    if (values > mostValues) return `holds more than ${mostValues.toLocaleString('en')} values`;
  }
  return undefined;
}

/**
 * The value of a JSON text.
 *
 * @throws SyntaxError that says what is wrong with it, also when it holds more than is read
 */
export function parseJson(text: string, mostValues?: number): unknown {
  const excess = jsonExcess(text, mostValues);
  if (excess !== undefined) throw new SyntaxError(`it ${excess}, more than is read`);
  return JSON.parse(text);
}
