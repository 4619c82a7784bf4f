// From bytes to text: which encoding a file is in, and its characters. Detection reads the whole stream and accepts an
// encoding only when every byte fits it; an encoding named by the user is taken at its word (malformed bytes become U+FFFD).
import { ConfigError, DataError, nearest } from '../base/index.ts';

/** The encodings that detection tries. By name, every encoding of the WHATWG Encoding Standard can be asked for. */
export const DETECTED_ENCODINGS = ['utf-8', 'utf-16le', 'utf-16be', 'iso-2022-jp', 'euc-jp', 'shift_jis'] as const;

/** A stream of bytes that can be read more than once. `name` is what errors call it. */
export interface ByteSource {
  readonly name: string;
  chunks(): AsyncIterable<Uint8Array>;
}

/** Names in daily use that the Encoding Standard does not list. */
const ALIASES: Record<string, string> = {
  cp932: 'shift_jis',
  eucjp: 'euc-jp',
  jis: 'iso-2022-jp',
  'utf-16': 'utf-16le',
};

/** The standard name of an encoding (`SJIS`, `cp932`, `windows-31j` → `shift_jis`); unknown names are a ConfigError. */
export function parseEncoding(label: string): string {
  const name = label.trim().toLowerCase();
  try {
    return new TextDecoder(ALIASES[name] ?? name).encoding;
  } catch {
    const near = nearest(name, [...DETECTED_ENCODINGS, ...Object.keys(ALIASES)]);
    throw new ConfigError('unknown-encoding', `there is no text encoding named "${label}"`, {
      remedy: `use ${near ? `"${near}", ` : ''}one of ${DETECTED_ENCODINGS.join(', ')}, or leave it to detection`,
      fields: { encoding: label },
    });
  }
}

/** Hiragana or full-width katakana: what tells Japanese text from bytes that happen to fit a Japanese encoding. */
const KANA = /[\u3041-\u3096\u30a1-\u30fa]/;

/** True when every byte fits `encoding` and kana appear. */
async function fits(source: ByteSource, encoding: string): Promise<boolean> {
  const decoder = new TextDecoder(encoding, { fatal: true });
  let kana = false;
  try {
    for await (const chunk of source.chunks()) kana = KANA.test(decoder.decode(chunk, { stream: true })) || kana;
    return KANA.test(decoder.decode()) || kana;
  } catch (error) {
    if (error instanceof TypeError) return false;
    throw error;
  }
}

interface Survey {
  byteOrderMark: 'utf-16le' | 'utf-16be' | undefined;
  validUtf8: boolean;
  /** `ESC $`, which begins the two-byte parts of ISO-2022-JP. */
  escape: boolean;
  nul: boolean;
}

/** One pass over the bytes: everything that a decision for UTF-8, and against binary data, needs. */
async function survey(source: ByteSource): Promise<Survey> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const found: Survey = { byteOrderMark: undefined, validUtf8: true, escape: false, nul: false };
  let first = true;
  let endedInEscape = false;
  const decode = (chunk?: Uint8Array) => {
    try {
      decoder.decode(chunk, { stream: chunk !== undefined });
    } catch {
      found.validUtf8 = false;
    }
  };
  for await (const chunk of source.chunks()) {
    if (first && chunk[0] === 0xff && chunk[1] === 0xfe) found.byteOrderMark = 'utf-16le';
    if (first && chunk[0] === 0xfe && chunk[1] === 0xff) found.byteOrderMark = 'utf-16be';
    first = false;
    if (found.byteOrderMark) return found;
    if (found.validUtf8) decode(chunk);
    found.nul ||= chunk.includes(0);
    found.escape ||=
      (endedInEscape && chunk[0] === 0x24) ||
      Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length).includes('\x1b$');
    endedInEscape = chunk.at(-1) === 0x1b;
    if (found.nul) return found;
  }
  if (found.validUtf8) decode();
  return found;
}

/** The line of the first malformed byte, when the text is UTF-8 with few of them (under 5 % of what is not ASCII). */
async function damagedUtf8(source: ByteSource): Promise<number | undefined> {
  const decoder = new TextDecoder('utf-8');
  let [line, firstBad, bad, notAscii] = [1, 0, 0, 0];
  for await (const chunk of source.chunks()) {
    const text = decoder.decode(chunk, { stream: true });
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      if (unit === 0x0a) line++;
      if (unit > 0x7f) notAscii++;
      if (unit === 0xfffd && bad++ === 0) firstBad = line;
    }
  }
  return bad > 0 && bad <= 0.05 * notAscii ? firstBad : undefined;
}

/**
 * The encoding of a stream, tried in this order: UTF-16 by its byte-order mark, ISO-2022-JP if `ESC $` occurs,
 * UTF-8, EUC-JP and Shift_JIS (CP932) if kana appear. EUC-JP goes before Shift_JIS, which would read its kana as half-width
 * katakana. Throws a DataError when nothing fits.
 */
export async function detectEncoding(source: ByteSource): Promise<string> {
  const found = await survey(source);
  if (found.byteOrderMark) return found.byteOrderMark;
  const flag = 'name its encoding with --encoding';
  if (found.nul) {
    throw new DataError('binary-text', `${source.name} holds zero bytes, so it is not a text file`, {
      remedy: `remove it, or ${flag} (utf-16le and utf-16be without a byte-order mark look like this)`,
      fields: { file: source.name },
    });
  }
  if (found.validUtf8) {
    return found.escape && (await fits(source, 'iso-2022-jp')) ? 'iso-2022-jp' : 'utf-8';
  }
  const damagedLine = await damagedUtf8(source);
  if (damagedLine !== undefined) {
    throw new DataError(
      'damaged-utf-8',
      `${source.name} is UTF-8 with malformed bytes, the first in line ${damagedLine}`,
      {
        remedy: 'mend the file, or read it with --encoding utf-8, which turns malformed bytes into U+FFFD',
        fields: { file: source.name, line: damagedLine },
      },
    );
  }
  for (const encoding of ['euc-jp', 'shift_jis']) if (await fits(source, encoding)) return encoding;
  throw new DataError('undetected-encoding', `${source.name} is not UTF-8, EUC-JP, Shift_JIS or ISO-2022-JP text`, {
    remedy: `${flag} (for example --encoding shift_jis)`,
    fields: { file: source.name },
  });
}

/** The text of a stream, in pieces. Without `encoding` it is detected. A byte-order mark is left out. */
export async function* decode(source: ByteSource, encoding?: string): AsyncGenerator<string> {
  const decoder = new TextDecoder(encoding ? parseEncoding(encoding) : await detectEncoding(source));
  let [characters, malformed] = [0, 0];
  const count = (text: string) => {
    characters += text.length;
    if (text.includes('\ufffd')) malformed += text.split('\ufffd').length - 1;
    return text;
  };
  for await (const chunk of source.chunks()) yield count(decoder.decode(chunk, { stream: true }));
  yield count(decoder.decode());
  // The wrong encoding by name would train a model on rubbish; a few bad bytes are what the flag is for.
  if (encoding && malformed > 0.05 * characters) {
    const share = ((100 * malformed) / characters).toFixed(0);
    throw new DataError('wrong-encoding', `${source.name} is not ${encoding} text: ${share} % of it is malformed`, {
      remedy: 'leave --encoding out to have it detected, or name the right one',
      fields: { file: source.name, encoding, malformed, characters },
    });
  }
}
