// What the decoders have in common: bytes come in pieces of any size, text leaves, and malformed bytes are told by offset.

/** Told the offset of each malformed byte; when it does not throw, the byte becomes U+FFFD. */
export type OnMalformed = (offset: number) => void;

export interface BytesToText {
  push(bytes: Uint8Array): string;
  end(): string;
}

export const REPLACEMENT = 0xfffd;

/** Bytes that wait for the rest of their character go before the next piece. */
export abstract class PiecewiseDecoder implements BytesToText {
  #waiting = new Uint8Array(0);
  #offset = 0;
  protected readonly onMalformed: OnMalformed;

  constructor(onMalformed: OnMalformed) {
    this.onMalformed = onMalformed;
  }

  push(piece: Uint8Array): string {
    const bytes = this.#waiting.length > 0 ? Buffer.concat([this.#waiting, piece]) : piece;
    // No character takes more units than bytes.
    const units = new Uint16Array(bytes.length);
    const { read, written } = this.decode(bytes, units, this.#offset);
    this.#offset += read;
    this.#waiting = Uint8Array.from(bytes.subarray(read));
    return Buffer.from(units.buffer, 0, 2 * written).toString('utf16le');
  }

  end(): string {
    if (this.#waiting.length === 0) return '';
    this.onMalformed(this.#offset);
    return '\ufffd';
  }

  /** Decodes whole characters of `bytes` into `units`; `offset` is that of the first byte in the stream. */
  protected abstract decode(bytes: Uint8Array, units: Uint16Array, offset: number): { read: number; written: number };
}
