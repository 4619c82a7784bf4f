// Which encoding a file is in. An encoding is taken when every byte of the file fits it and what it makes of them is clearly
// more like text than what any other makes of them; otherwise the file is refused with what was found and where.
import { DataError } from '../../base/index.ts';
import { newDecoder } from './decoders.ts';
import { DESIGNATES_JAPANESE } from './iso-2022-jp.ts';
import { type Plausibility, plausibility } from './plausibility.ts';
import { type ByteSource, type Survey, survey } from './survey.ts';

/** The encodings that detection tells apart. By name, every encoding of the WHATWG Encoding Standard can be asked for. */
export const DETECTED_ENCODINGS = [
  'utf-8',
  'utf-16le',
  'utf-16be',
  'utf-32le',
  'utf-32be',
  'iso-2022-jp',
  'euc-jp',
  'shift_jis',
] as const;

/** Bits against an encoding because it is rarer; UTF-16 without a mark is never taken, only weighed. */
const PRIORS = { 'utf-8': 0, shift_jis: 6, 'euc-jp': 10, 'utf-16le': 10, 'utf-16be': 10 } as const;
type Weighed = keyof typeof PRIORS;
/** The best must be ahead by so many bits, and by this share of the second's bits beyond ASCII. */
const MARGIN_BITS = 20;
const MARGIN_SHARE = 0.1;
/** Of one malformed byte: as improbable as a change on the way. */
const DAMAGE_BITS = 40;
/** UTF-8 with so many different characters beyond ASCII is no accident. */
const CERTAIN_CHARACTERS = 40;
/** The share of malformed characters up to which a text is UTF-8 that was damaged. */
const DAMAGED_SHARE = 0.05;

/** The offset of the first byte that does not fit `encoding`. */
async function firstMalformed(source: ByteSource, encoding: string): Promise<number | undefined> {
  let found: number | undefined;
  const decoder = newDecoder(encoding, (offset) => {
    found ??= offset;
  });
  for await (const chunk of source.chunks()) {
    decoder.push(chunk);
    if (found !== undefined) return found;
  }
  decoder.end();
  return found;
}

/** The text that the sample is in `encoding`, what is cut at its end left out, and how many bytes are malformed. */
function read(sample: Buffer, encoding: string): { text: string; malformed: number } {
  let malformed = 0;
  const decoder = newDecoder(encoding, () => malformed++);
  return { text: decoder.push(sample), malformed };
}

interface Weighing extends Plausibility {
  encoding: Weighed;
}

/** Bits against a Japanese encoding of a text that is nearly all ASCII: one pound sign is no kanji. */
const FOREIGN_BITS = 25;
const isForeign = (sample: Buffer) =>
  sample.length > 500 && sample.reduce((count, byte) => count + (byte > 0x7f ? 1 : 0), 0) < 0.02 * sample.length;

/** What the sample costs in every encoding that may be meant, the best first. */
function weigh({ sample, bytes, validUtf8 }: Survey, possible: readonly Weighed[]): Weighing[] {
  const foreign = isForeign(sample) ? FOREIGN_BITS : 0;
  return possible
    .filter((encoding) => !encoding.startsWith('utf-16') || bytes % 2 === 0)
    .map((encoding) => {
      const { text, malformed } = read(sample, encoding);
      const damage = encoding === 'utf-8' && !validUtf8 ? Math.max(1, malformed) : malformed;
      const { bits, ...rest } = plausibility(text);
      const against = PRIORS[encoding] + (encoding === 'utf-8' ? 0 : foreign) + DAMAGE_BITS * damage;
      return { encoding, bits: bits + against, ...rest };
    })
    .sort((a, b) => a.bits + a.doubt - b.bits - b.doubt);
}

const flag = (encoding: string) => `--encoding ${encoding}`;

/** @throws DataError when the best is not clearly ahead of the second */
function clearWinner(source: ByteSource, weighed: readonly Weighing[]): Weighed {
  const [best, ...others] = weighed;
  const second = others.toSorted((a, b) => a.bits - b.bits)[0];
  if (!second) return best!.encoding;
  const ahead = second.bits - best!.bits - best!.doubt;
  if (ahead >= Math.max(MARGIN_BITS, MARGIN_SHARE * second.beyondAscii)) return best!.encoding;
  throw new DataError(
    'ambiguous-encoding',
    `${source.name} reads as ${best!.encoding} and as ${second.encoding} text alike`,
    {
      remedy: `Say which it is: ${flag(best!.encoding)} or ${flag(second.encoding)}.`,
      fields: { file: source.name, detected: weighed.map(({ encoding }) => encoding) },
    },
  );
}

/** The encoding of a stream. @throws DataError when nothing fits, or more than one thing does */
export async function detectEncoding(source: ByteSource): Promise<string> {
  const found = await survey(source, DESIGNATES_JAPANESE);
  if (found.mark && found.mark !== 'utf-8') return found.mark;
  if (found.bytes === 0) return 'utf-8';
  if (found.firstZero !== undefined) throw binary(source, found);
  if (found.ascii && found.japaneseEscape) {
    const malformed = await firstMalformed(source, 'iso-2022-jp');
    if (malformed === undefined) return 'iso-2022-jp';
    throw new DataError(
      'damaged-iso-2022-jp',
      `${source.name} holds escape sequences of ISO-2022-JP, but byte ${malformed} does not fit it`,
      {
        remedy: `Mend the file, or read it with ${flag('iso-2022-jp')}, which turns what is malformed into U+FFFD, or with ${flag('utf-8')}, which keeps the escape sequences as text.`,
        fields: { file: source.name, offset: malformed, detected: 'iso-2022-jp' },
      },
    );
  }
  if (found.validUtf8) {
    if (found.mark === 'utf-8') return 'utf-8';
    const best = clearWinner(source, weigh(found, await candidates(source, found)));
    if (best.startsWith('utf-16')) throw unmarked(source, best);
    return best;
  }
  await refuseDamagedUtf8(source, found.mark === 'utf-8' ? 1 : DAMAGED_SHARE);
  const weighed = weigh(found, await candidates(source, found));
  if (weighed.some(({ encoding }) => encoding === 'euc-jp' || encoding === 'shift_jis')) {
    const best = clearWinner(source, weighed);
    if (best === 'utf-8') await refuseDamagedUtf8(source, 1);
    if (best.startsWith('utf-16')) throw unmarked(source, best);
    return best;
  }
  throw await undetected(source, found);
}

/** What every byte fits, and UTF-8 and UTF-16, which are weighed even where they may not be taken. */
async function candidates(source: ByteSource, found: Survey): Promise<Weighed[]> {
  const { sample, ascii, validUtf8 } = found;
  const certain = validUtf8 && new Set(sample.toString().match(/[^\0-\x7f]/gu)).size >= CERTAIN_CHARACTERS;
  if (certain) return ['utf-8'];
  const possible: Weighed[] = ['utf-8', 'utf-16le', 'utf-16be'];
  if (ascii) return possible;
  for (const encoding of ['euc-jp', 'shift_jis'] as const)
    if ((await firstMalformed(source, encoding)) === undefined) possible.push(encoding);
  return possible;
}

function unmarked(source: ByteSource, encoding: string): DataError {
  return new DataError(
    'unmarked-utf-16',
    `${source.name} looks like ${encoding}, but has no byte-order mark that would say so`,
    {
      remedy: `Say that it is with ${flag(encoding)}, or name the encoding it is in.`,
      fields: { file: source.name, detected: encoding },
    },
  );
}

function binary(source: ByteSource, { firstZero }: Survey): DataError {
  return new DataError(
    'binary-text',
    `${source.name} holds zero bytes, the first at byte ${firstZero}, so it is no text`,
    {
      remedy: `Remove it, or name its encoding if it is UTF-16 or UTF-32 without a byte-order mark: ${flag('utf-16le')}.`,
      fields: { file: source.name, offset: firstZero },
    },
  );
}

/** @throws DataError when the text is UTF-8 with malformed bytes, up to `share` of what is not ASCII */
async function refuseDamagedUtf8(source: ByteSource, share: number): Promise<void> {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  let [line, firstBad, bad, notAscii] = [1, 0, 0, 0];
  let [bytes, offset] = [0, 0];
  const count = (text: string) => {
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      if (unit === 0x0a) line++;
      if (unit > 0x7f) notAscii++;
      if (unit === 0xfffd && bad++ === 0) firstBad = line;
    }
  };
  for await (const chunk of source.chunks()) {
    count(decoder.decode(chunk, { stream: true }));
    if (bad === 0) offset = bytes;
    bytes += chunk.length;
  }
  count(decoder.decode());
  if (bad === 0 || bad > share * notAscii) return;
  const at = await firstMalformedUtf8(source, offset);
  throw new DataError(
    'damaged-utf-8',
    `${source.name} is UTF-8 with malformed bytes, the first in line ${firstBad} (byte ${at})`,
    {
      remedy: `Mend the file, or read it with ${flag('utf-8')}, which turns malformed bytes into U+FFFD.`,
      fields: { file: source.name, line: firstBad, offset: at, detected: 'utf-8' },
    },
  );
}

/** The offset of the first byte that is not UTF-8. @param from a character begins there or in the three bytes before */
async function firstMalformedUtf8(source: ByteSource, from: number): Promise<number> {
  let [offset, before] = [0, Buffer.alloc(0)];
  for await (const chunk of source.chunks()) {
    const bytes = Buffer.concat([before, chunk]);
    let at = 0;
    if (offset + bytes.length > from) {
      for (let size = sizeAt(bytes, at); at + size <= bytes.length && size > 0; size = sizeAt(bytes, at)) at += size;
      if (at < bytes.length && sizeAt(bytes, at) === 0) return offset + at;
    } else at = bytes.length - incomplete(bytes);
    offset += at;
    before = bytes.subarray(at);
  }
  return offset;
}

/** First byte → least and greatest second byte, where those are fewer than 80 … BF (The Unicode Standard, table 3-7). */
const secondBytes: Readonly<Record<number, readonly [number, number]>> = {
  224: [0xa0, 0xbf],
  237: [0x80, 0x9f],
  240: [0x90, 0xbf],
  244: [0x80, 0x8f],
};

/** The bytes of the UTF-8 character at `at`; 0 when there is none; more than are there when it is cut. */
function sizeAt(bytes: Buffer, at: number): number {
  const first = bytes[at];
  if (first === undefined || first < 0x80) return 1;
  const size =
    first >= 0xc2 && first < 0xe0 ? 2 : first >= 0xe0 && first < 0xf0 ? 3 : first >= 0xf0 && first < 0xf5 ? 4 : 0;
  const second = bytes[at + 1];
  const [least, most] = secondBytes[first] ?? [0x80, 0xbf];
  if (second !== undefined && (second < least || second > most)) return 0;
  for (let i = 2; i < size; i++) if (bytes[at + i] !== undefined && (bytes[at + i]! & 0xc0) !== 0x80) return 0;
  return size;
}

/** How many bytes at the end begin a character of sound UTF-8 that is not whole. */
function incomplete(bytes: Buffer): number {
  for (let n = 1; n <= Math.min(3, bytes.length); n++) {
    const byte = bytes[bytes.length - n]!;
    if (byte >= 0xc0) return sizeAt(bytes, bytes.length - n) > n ? n : 0;
    if (byte < 0x80) return 0;
  }
  return 0;
}

async function undetected(source: ByteSource, found: Survey): Promise<DataError> {
  const places: string[] = [];
  for (const [name, encoding] of [
    ['EUC-JP', 'euc-jp'],
    ['Shift_JIS', 'shift_jis'],
  ] as const) {
    const offset = await firstMalformed(source, encoding);
    places.push(offset === undefined ? name : `${name} (byte ${offset} does not fit)`);
  }
  const utf8 = await firstMalformedUtf8(source, 0);
  return new DataError(
    'undetected-encoding',
    `${source.name} is not text in UTF-8 (byte ${utf8} does not fit), ${places.join(' or ')}, nor in ISO-2022-JP`,
    {
      remedy: `Name its encoding with --encoding (for example ${flag('shift_jis')}), or remove it if it is no text.`,
      fields: { file: source.name, offset: utf8, bytes: found.bytes },
    },
  );
}
