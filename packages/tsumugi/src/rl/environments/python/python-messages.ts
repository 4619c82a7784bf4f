// What goes between an environment, its thread and its Python process.

/** The version of the protocol that bridge.py speaks. */
export const PROTOCOL = 1;

/** A message to or from the process: these letters, two lengths of 32 bits, a JSON text and bytes. */
export const MAGIC = 'TSU1';
export const HEAD = 12;
/** More than any answer has. */
export const MOST_BYTES = 256 * 2 ** 20;

export interface ProcessPlan {
  /** The Python program. */
  command: string;
  script: string;
  /** Counts what the thread has told. */
  signal: SharedArrayBuffer;
}

export type ToProcess = Uint8Array | 'kill';

export interface Answer {
  text: string;
  payload: ArrayBuffer;
}

export type FromProcess = Answer | { ended: string; complaints: string } | { garbage: string };

/** A request as its bytes. */
export function requestBytes(header: object, payload: Float64Array = new Float64Array()): Uint8Array {
  const text = Buffer.from(JSON.stringify(header));
  const bytes = Buffer.alloc(HEAD + text.length + payload.byteLength);
  bytes.write(MAGIC, 'latin1');
  bytes.writeUInt32LE(text.length, 4);
  bytes.writeUInt32LE(payload.byteLength, 8);
  text.copy(bytes, HEAD);
  Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).copy(bytes, HEAD + text.length);
  return bytes;
}
