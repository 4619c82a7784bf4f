// What a JSON text may hold before it is parsed. Files come from anywhere, and a text of nothing but brackets or commas takes
// many times its own size in memory.

/** The longest JSON file that is read, in bytes: the limit of a safetensors header. */
export const MAX_JSON_BYTES = 100_000_000;
/** Sharded weights of the largest published models have some ten thousand names. */
const MAX_VALUES = 2_000_000;
const MAX_DEPTH = 256;

/** What is wrong with the amount that `text` holds, as the end of a sentence; undefined when it can be parsed. */
export function jsonExcess(text: string): string | undefined {
  let values = 0;
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case 0x22: // "
        for (i++; i < text.length && text.charCodeAt(i) !== 0x22; i++) if (text.charCodeAt(i) === 0x5c) i++;
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
    if (values > MAX_VALUES) return `holds more than ${MAX_VALUES.toLocaleString('en')} values`;
  }
  return undefined;
}
