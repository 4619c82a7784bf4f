// From bytes to text. An encoding that was detected must fit every byte; one that the user named is taken at its word, and
// malformed bytes become U+FFFD.
import { ConfigError, DataError, nearest } from '../../base/index.ts';
import { newDecoder } from './decoders.ts';
import { DETECTED_ENCODINGS, detectEncoding } from './detect.ts';
import type { ByteSource } from './survey.ts';

/** Names in daily use that the Encoding Standard does not list, and encodings that it has not. */
const ALIASES: Readonly<Record<string, string>> = {
  cp932: 'shift_jis',
  eucjp: 'euc-jp',
  euc_jp: 'euc-jp',
  jis: 'iso-2022-jp',
  iso2022_jp: 'iso-2022-jp',
  'utf-16': 'utf-16le',
  'utf-8-sig': 'utf-8',
};
const OWN = ['utf-32le', 'utf-32be'];

/** The standard name of an encoding (`SJIS`, `cp932`, `windows-31j` → `shift_jis`); unknown names are a ConfigError. */
export function parseEncoding(label: string): string {
  const name = label.trim().toLowerCase();
  if (OWN.includes(name)) return name;
  try {
    return new TextDecoder(Object.hasOwn(ALIASES, name) ? ALIASES[name] : name).encoding;
  } catch {
    const near = nearest(name, [...DETECTED_ENCODINGS, ...Object.keys(ALIASES)]);
    throw new ConfigError('unknown-encoding', `there is no text encoding named "${label}"`, {
      remedy: `Use ${near ? `"${near}", ` : ''}one of ${DETECTED_ENCODINGS.join(', ')}, or leave it to detection.`,
      fields: { encoding: label },
    });
  }
}

/** The share of malformed characters from which a text is not in the encoding that was named. */
const WRONG_SHARE = 0.05;

/** The text of a stream, in pieces. Without `encoding` it is detected. A byte-order mark is left out. */
export async function* decode(source: ByteSource, encoding?: string): AsyncGenerator<string> {
  const name = encoding ? parseEncoding(encoding) : await detectEncoding(source);
  let [characters, malformed, first] = [0, 0, 0];
  const decoder = newDecoder(name, (offset) => {
    if (encoding === undefined && name !== 'utf-8') throw doesNotFit(source, name, offset);
    if (malformed++ === 0) first = offset;
  });
  for await (const chunk of source.chunks()) {
    const text = decoder.push(chunk);
    characters += text.length;
    yield text;
  }
  yield decoder.end();
  // The wrong encoding by name would train a model on rubbish; a few bad bytes are what the flag is for.
  if (encoding && malformed > WRONG_SHARE * characters) {
    const share = ((100 * malformed) / (characters || 1)).toFixed(0);
    throw new DataError('wrong-encoding', `${source.name} is not ${encoding} text: ${share} % of it is malformed`, {
      remedy: 'Leave --encoding out to have it detected, or name the right one.',
      fields: { file: source.name, encoding, malformed, characters, offset: first },
    });
  }
}

function doesNotFit(source: ByteSource, encoding: string, offset: number): DataError {
  return new DataError(
    'damaged-text',
    `${source.name} is ${encoding} by its byte-order mark, but byte ${offset} does not fit it`,
    {
      remedy: `Mend the file, or read it with --encoding ${encoding}, which turns what is malformed into U+FFFD.`,
      fields: { file: source.name, offset, detected: encoding },
    },
  );
}
