// Bytes that must be UTF-8: a malformed one read as U+FFFD would change names and numbers without a word.
import { FormatError } from './errors.ts';

/** The text, without a byte order mark. @throws FormatError that names the file when the bytes are something else */
export function decodeUtf8(bytes: Uint8Array, path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new FormatError('not-utf8', `${path} is not valid UTF-8`, {
      remedy: 'Write it as UTF-8, or fetch it again.',
      fields: { path },
      cause,
    });
  }
}
