// Bytes that must be UTF-8: a malformed one would change a score silently.
import { FormatError } from '../../base/index.ts';

/** @throws FormatError naming the file */
export function decodeUtf8(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new FormatError('not-utf8', `${file} is not valid UTF-8`, {
      remedy: 'Write it as UTF-8, or fetch it again.',
      fields: { file },
      cause,
    });
  }
}
