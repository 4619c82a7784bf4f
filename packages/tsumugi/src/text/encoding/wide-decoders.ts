// UTF-16 and UTF-32 in either byte order. Half of a surrogate pair, a code beyond U+10FFFF and a part of a unit at the end are
// malformed. A byte-order mark at the beginning is left out.
import { type OnMalformed, PiecewiseDecoder, REPLACEMENT } from './piecewise.ts';

const MARK = 0xfeff;

export class Utf16Decoder extends PiecewiseDecoder {
  readonly #bigEndian: boolean;

  constructor(onMalformed: OnMalformed, bigEndian: boolean) {
    super(onMalformed);
    this.#bigEndian = bigEndian;
  }

  protected decode(bytes: Uint8Array, units: Uint16Array, offset: number) {
    const high = this.#bigEndian ? 0 : 1;
    const unitAt = (at: number) => bytes[at + high]! * 256 + bytes[at + 1 - high]!;
    let [at, written] = [0, 0];
    for (; at + 2 <= bytes.length; at += 2) {
      const unit = unitAt(at);
      if (unit === MARK && offset + at === 0) continue;
      if ((unit & 0xf800) !== 0xd800) {
        units[written++] = unit;
        continue;
      }
      if ((unit & 0xfc00) === 0xd800) {
        if (at + 4 > bytes.length) break;
        const low = unitAt(at + 2);
        if ((low & 0xfc00) === 0xdc00) {
          units[written++] = unit;
          units[written++] = low;
          at += 2;
          continue;
        }
      }
      this.onMalformed(offset + at);
      units[written++] = REPLACEMENT;
    }
    return { read: at, written };
  }
}

export class Utf32Decoder extends PiecewiseDecoder {
  readonly #bigEndian: boolean;

  constructor(onMalformed: OnMalformed, bigEndian: boolean) {
    super(onMalformed);
    this.#bigEndian = bigEndian;
  }

  protected decode(bytes: Uint8Array, units: Uint16Array, offset: number) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let [at, written] = [0, 0];
    for (; at + 4 <= bytes.length; at += 4) {
      const code = view.getUint32(at, !this.#bigEndian);
      if (code === MARK && offset + at === 0) continue;
      if (code > 0x10ffff || (code & 0xfffff800) === 0xd800) {
        this.onMalformed(offset + at);
        units[written++] = REPLACEMENT;
      } else if (code < 0x10000) units[written++] = code;
      else {
        units[written++] = 0xd7c0 + (code >> 10);
        units[written++] = 0xdc00 + (code & 0x3ff);
      }
    }
    return { read: at, written };
  }
}
