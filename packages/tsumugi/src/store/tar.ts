// The files of a tar archive in memory (POSIX ustar headers: 512-byte blocks, numbers in octal). Links, folders and extended
// headers are passed over.
import { FormatError } from '../base/index.ts';

const BLOCK = 512;

/** The regular files, as views of `bytes`. @throws FormatError when it is not a whole tar archive */
export function* readTar(bytes: Buffer, archive: string): Generator<{ name: string; bytes: Buffer }> {
  const text = (from: number, length: number) => {
    const field = bytes.subarray(from, from + length);
    const end = field.indexOf(0);
    return field.toString('utf8', 0, end < 0 ? length : end);
  };
  // The archive ends with blocks of zeros.
  for (let at = 0; bytes[at] !== 0; ) {
    const size = Number.parseInt(text(at + 124, 12), 8);
    const start = at + BLOCK;
    if (!text(at + 257, 5).startsWith('ustar') || !(size >= 0) || start + size > bytes.length)
      throw new FormatError('not-tar', `${archive} is not a whole tar archive (byte ${at})`, {
        remedy: 'Fetch it again.',
        fields: { file: archive, offset: at },
      });
    const prefix = text(at + 345, 155);
    const type = text(at + 156, 1);
    // GNU tar writes other things into the prefix; its magic ends in a blank.
    const name = prefix && bytes[at + 262] === 0 ? `${prefix}/${text(at, 100)}` : text(at, 100);
    if (type === '0' || type === '') yield { name, bytes: bytes.subarray(start, start + size) };
    at = start + Math.ceil(size / BLOCK) * BLOCK;
  }
}
