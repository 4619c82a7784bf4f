// What the tests of safetensors share: a folder that goes after each test, and files made by hand.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';

export let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'tsumugi-safetensors-'));
});
afterEach(() => rmSync(home, { recursive: true }));
export const at = (name: string): string => join(home, name);

/** A file with this header text (or these bytes) and `dataBytes` bytes 0, 1, 2, … of data. */
export function file(header: string | Uint8Array, dataBytes = 0, length?: bigint): string {
  const text = Buffer.from(header);
  const field = Buffer.alloc(8);
  field.writeBigUInt64LE(length ?? BigInt(text.length));
  const data = Uint8Array.from({ length: dataBytes }, (_, i) => i);
  writeFileSync(at('file.safetensors'), Buffer.concat([field, text, data]));
  return at('file.safetensors');
}
