// The code tables of Japanese encodings, as Python's codecs have them. Node's TextDecoder knows the same characters but for a
// few: of EUC-JP and ISO-2022-JP it makes the full-width forms that Windows uses, and of Shift_JIS's control characters
// others (0x1A and 0x7F change places). The tables are filled from it once, and corrected.

const MALFORMED = 0;

/** What the Encoding Standard makes of JIS X 0208 → what Python's euc_jp and iso2022_jp make of it, as JIS names it. */
const STANDARD: Readonly<Record<number, number>> = {
  65374: 0x301c, // wave dash
  8741: 0x2016, // double vertical line
  65293: 0x2212, // minus sign
  65504: 0xa2, // cent
  65505: 0xa3, // pound
  65506: 0xac, // not
};
/** The full-width tilde of JIS X 0212, a plain one in Python. */
const TILDE_0212 = 0xa2b7;

/** UTF-16 units by (first byte · 256 + second byte); 0 where there is none. */
function fill(encoding: string, bytes: (first: number, second: number) => number[], last: number): Uint16Array {
  const decoder = new TextDecoder(encoding);
  const table = new Uint16Array(0x10000);
  for (let first = 0x81; first <= last; first++) {
    for (let second = 0x40; second <= 0xfe; second++) {
      if (second === 0x7f) continue;
      const text = decoder.decode(Uint8Array.from(bytes(first, second)));
      if (text.length === 1 && text !== '\ufffd') table[first * 256 + second] = text.charCodeAt(0);
    }
  }
  return table;
}

function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

/** Shift_JIS with the extensions of NEC and IBM (CP932): the first byte 0x81 … 0x9F or 0xE0 … 0xFC. */
export const shiftJisTable = once(() => {
  const table = fill('shift_jis', (first, second) => [first, second], 0xfc);
  // Half-width kana are one byte and no first half.
  table.fill(MALFORMED, 0xa0 * 256, 0xe0 * 256);
  return table;
});

/** JIS X 0208, both bytes 0xA1 … 0xFE, with row 13 of NEC and the IBM extensions as Windows has them. */
export const jis0208Table = once(() =>
  fill('euc-jp', (first, second) => [first, second], 0xfe)
    .fill(MALFORMED, 0, 0xa1 * 256)
    .map((unit) => STANDARD[unit] ?? unit),
);

/** JIS X 0212, which EUC-JP reaches by 0x8F. */
export const jis0212Table = once(() => {
  const table = fill('euc-jp', (first, second) => [0x8f, first, second], 0xfe).fill(MALFORMED, 0, 0xa1 * 256);
  table[TILDE_0212] = 0x7e;
  return table;
});
