// ISO-2022-JP: seven bits, escape sequences that change the character set. An escape sequence without text behind it is
// sound; any other one is malformed (Python's codec passes it on, and all that follow it up to the end of the line).
import { jis0208Table, jis0212Table } from './code-tables.ts';
import { PiecewiseDecoder, REPLACEMENT } from './piecewise.ts';

const ESCAPE = 0x1b;

type CharacterSet = 'ascii' | 'roman' | 'kana' | '0208' | '0212';

/** What follows an escape character. */
const DESIGNATIONS: readonly (readonly [string, CharacterSet])[] = [
  ['(B', 'ascii'],
  ['(J', 'roman'],
  ['(I', 'kana'],
  ['$@', '0208'],
  ['$B', '0208'],
  ['$(D', '0212'],
];

/** Reading only: does `bytes` name a set of two bytes, or of Japanese letters, somewhere? */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character is what it is about.
export const DESIGNATES_JAPANESE = /\x1b(?:\$[@B]|\$\(D|\([JI])/;

export class Iso2022JpDecoder extends PiecewiseDecoder {
  #set: CharacterSet = 'ascii';

  protected decode(bytes: Uint8Array, units: Uint16Array, offset: number) {
    let [at, written] = [0, 0];
    const malformed = (length: number) => {
      this.onMalformed(offset + at);
      units[written++] = REPLACEMENT;
      at += length;
    };
    while (at < bytes.length) {
      const first = bytes[at]!;
      if (first === ESCAPE) {
        const next = String.fromCharCode(...bytes.subarray(at + 1, at + 4));
        const found = DESIGNATIONS.find(([name]) => next.startsWith(name));
        if (found) {
          this.#set = found[1];
          at += 1 + found[0].length;
        } else if (at + 4 > bytes.length && DESIGNATIONS.some(([name]) => name.startsWith(next))) break;
        else malformed(1);
      } else if (first >= 0x80) malformed(1);
      else if (this.#set === 'ascii' || first < 0x20) units[written++] = bytes[at++]!;
      else if (this.#set === 'roman') {
        units[written++] = first === 0x5c ? 0xa5 : first === 0x7e ? 0x203e : first;
        at++;
      } else if (this.#set === 'kana') {
        if (first > 0x20 && first < 0x60) units[written++] = 0xff61 - 0x21 + bytes[at++]!;
        else malformed(1);
      } else {
        if (at + 2 > bytes.length) break;
        const table = this.#set === '0208' ? jis0208Table() : jis0212Table();
        const second = bytes[at + 1]!;
        const unit = second < 0x80 ? table[(first | 0x80) * 256 + (second | 0x80)]! : 0;
        if (unit === 0) malformed(second < 0x20 ? 1 : 2);
        else {
          units[written++] = unit;
          at += 2;
        }
      }
    }
    return { read: at, written };
  }
}
