// Decoders that know where a byte does not fit. Each takes bytes in pieces of any size and gives text; what is malformed is
// told by its offset, and becomes U+FFFD when that does not throw. They follow Python's codecs of the same names.
import { jis0208Table, jis0212Table, shiftJisTable } from './code-tables.ts';
import { Iso2022JpDecoder } from './iso-2022-jp.ts';
import { type BytesToText, type OnMalformed, PiecewiseDecoder, REPLACEMENT } from './piecewise.ts';
import { Utf16Decoder, Utf32Decoder } from './wide-decoders.ts';

/** Shift_JIS (CP932): ASCII, half-width kana in one byte, the rest in two. */
class ShiftJisDecoder extends PiecewiseDecoder {
  protected decode(bytes: Uint8Array, units: Uint16Array, offset: number) {
    const table = shiftJisTable();
    let [at, written] = [0, 0];
    while (at < bytes.length) {
      const first = bytes[at]!;
      if (first < 0x80) units[written++] = bytes[at++]!;
      else if (first >= 0xa1 && first <= 0xdf) units[written++] = 0xff61 - 0xa1 + bytes[at++]!;
      else if (first > 0x80 && first !== 0xa0 && first < 0xfd) {
        if (at + 1 === bytes.length) break;
        const unit = table[first * 256 + bytes[at + 1]!]!;
        if (unit === 0) this.onMalformed(offset + at);
        units[written++] = unit || REPLACEMENT;
        // What follows a lone first byte may be a character of its own.
        at += unit !== 0 || bytes[at + 1]! >= 0x80 ? 2 : 1;
      } else {
        this.onMalformed(offset + at++);
        units[written++] = REPLACEMENT;
      }
    }
    return { read: at, written };
  }
}

/** EUC-JP: ASCII, JIS X 0208 in two bytes, half-width kana after 0x8E, JIS X 0212 after 0x8F. */
class EucJpDecoder extends PiecewiseDecoder {
  protected decode(bytes: Uint8Array, units: Uint16Array, offset: number) {
    const [plain, supplementary] = [jis0208Table(), jis0212Table()];
    let [at, written] = [0, 0];
    while (at < bytes.length) {
      const first = bytes[at]!;
      if (first < 0x80) {
        units[written++] = bytes[at++]!;
        continue;
      }
      const size = first === 0x8f ? 3 : 2;
      if (at + size > bytes.length && (first === 0x8e || first === 0x8f || first >= 0xa1)) break;
      const second = bytes[at + 1]!;
      let unit = 0;
      if (first === 0x8e) unit = second >= 0xa1 && second <= 0xdf ? 0xff61 - 0xa1 + second : 0;
      else if (first === 0x8f) unit = supplementary[second * 256 + bytes[at + 2]!]!;
      else if (first >= 0xa1) unit = plain[first * 256 + second]!;
      if (unit === 0) this.onMalformed(offset + at);
      units[written++] = unit || REPLACEMENT;
      at += unit !== 0 ? size : second >= 0x80 && first >= 0x8e ? 2 : 1;
    }
    return { read: at, written };
  }
}

/** What the platform knows; malformed bytes are found by the U+FFFD they become, and counted. */
class PlatformDecoder implements BytesToText {
  readonly #decoder: TextDecoder;
  readonly #onMalformed: OnMalformed;
  #offset = 0;

  constructor(encoding: string, onMalformed: OnMalformed) {
    this.#decoder = new TextDecoder(encoding);
    this.#onMalformed = onMalformed;
  }

  push(bytes: Uint8Array): string {
    const text = this.#decoder.decode(bytes, { stream: true });
    this.#report(text);
    this.#offset += bytes.length;
    return text;
  }

  end(): string {
    const text = this.#decoder.decode();
    this.#report(text);
    return text;
  }

  #report(text: string): void {
    for (let at = text.indexOf('\ufffd'); at >= 0; at = text.indexOf('\ufffd', at + 1)) this.#onMalformed(this.#offset);
  }
}

/** A decoder of an encoding by its standard name. */
export function newDecoder(encoding: string, onMalformed: OnMalformed): BytesToText {
  switch (encoding) {
    case 'utf-16le':
    case 'utf-16be':
      return new Utf16Decoder(onMalformed, encoding === 'utf-16be');
    case 'utf-32le':
    case 'utf-32be':
      return new Utf32Decoder(onMalformed, encoding === 'utf-32be');
    case 'shift_jis':
      return new ShiftJisDecoder(onMalformed);
    case 'euc-jp':
      return new EucJpDecoder(onMalformed);
    case 'iso-2022-jp':
      return new Iso2022JpDecoder(onMalformed);
    default:
      return new PlatformDecoder(encoding, onMalformed);
  }
}
