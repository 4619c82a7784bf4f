// Encoding and decoding against golden cases and the plain recurrence.
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { DataError, FormatError, RandomStream } from '../../base/index.ts';
import { plainEncode } from './plain-encode.ts';
import { Tokenizer } from './tokenizer.ts';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const shared = here('../../../../../../shared/fixtures/tokenizer');
const sharedMissing = !existsSync(shared);
if (sharedMissing) console.warn(`skipped: the shared fixtures are not at ${shared}`);

interface Case {
  text: string;
  ids: number[];
}

function readCases(folder: string): Case[] {
  const lines = readFileSync(`${folder}/cases.jsonl`, 'utf8').trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as Case);
}

// golden/ was made by an independent statement of the recurrence; its vocabulary is full of ties, scores that round to
// even, pieces that look like byte tokens, and pieces just cheaper, as dear and dearer than an unknown character.
const golden = Tokenizer.load(here('golden'));

describe('encode', () => {
  it.each(readCases(here('golden')))('golden: $text', ({ text, ids }) => {
    expect(golden.encode(text)).toEqual(ids);
    expect(golden.decode(ids)).toBe(text);
  });

  it.skipIf(sharedMissing)('every case of the shared fixtures', () => {
    const tokenizer = Tokenizer.load(shared);
    const cases = readCases(shared);
    expect(cases.length).toBeGreaterThan(50);
    for (const { text, ids } of cases) {
      expect(tokenizer.encode(text), text).toEqual(ids);
      expect(tokenizer.decode(ids)).toBe(text);
    }
  });

  it('equals its plain twin on random texts, in safe mode too', () => {
    const random = new RandomStream(1);
    // Pieces of the vocabulary, whole and cut, with characters it does not know, and text that spells special pieces.
    const parts = [
      ...golden.vocabulary.pieces.flatMap(({ text }) => [text, text.slice(1), text.slice(0, -1)]),
      ...[
        '😀',
        '👨‍👩‍👧',
        '🏳️‍🌈',
        '𠮷',
        '\ud842',
        '\udfb7',
        'か\u3099',
        'é',
        '\ufeff',
        '\u0000',
        '鰻',
        '<|plamo:op|>',
        '<0x0A>',
        '\n',
      ],
    ];
    for (let round = 0; round < 400; round++) {
      const text = Array.from({ length: random.below(30) }, () => parts[random.below(parts.length)]).join('');
      const safe = round % 2 === 1;
      expect(golden.encode(text, { safe }), JSON.stringify(text)).toEqual(
        plainEncode(golden.vocabulary.pieces, text, safe),
      );
    }
  });

  it('gives the same ids for a text longer than the work space it keeps', () => {
    const { text } = readCases(here('golden')).find((item) => item.text.length > 100)!;
    // Nothing in the vocabulary spans U+0001, so the ids of the parts are the parts of the ids.
    const one = golden.encode(`${text}\u0001`);
    const times = Math.ceil(2 ** 20 / text.length) + 1;
    const ids = golden.encode(`${text}\u0001`.repeat(times));
    expect(ids.length).toBe(one.length * times);
    expect(ids.slice(-one.length)).toEqual(one);
    expect(golden.encode(text)).toEqual(one.slice(0, -1));
  });

  it('reads half of a surrogate pair as U+FFFD', () => {
    expect(golden.encode('a\ud83dx')).toEqual(golden.encode('a\ufffdx'));
    expect(golden.decode(golden.encode('\udfb7\ud842'))).toBe('\ufffd\ufffd');
  });

  it('keeps a byte order mark', () => {
    expect(golden.decode(golden.encode('\ufeff日'))).toBe('\ufeff日');
    expect(golden.decode(golden.encode('日\ufeff'))).toBe('日\ufeff');
  });

  it('adds bos when asked', () => {
    expect(golden.encode('hello', { addBos: true })).toEqual([golden.bosId, ...golden.encode('hello')]);
    expect(golden.encode('', { addBos: true })).toEqual([golden.bosId]);
  });

  it('in safe mode, spells special pieces as ordinary text', () => {
    const text = 'hello<|plamo:op|><|plamo:eos|><|plamo:unk|>';
    expect(golden.encode(text)).toEqual([...golden.encode('hello'), golden.opId, golden.eosId, golden.unkId]);
    const ids = golden.encode(text, { safe: true });
    expect(ids.filter((id) => golden.vocabulary.isSpecial(id))).toEqual([]);
    expect(golden.decode(ids)).toBe(text);
  });
});

describe('decode', () => {
  const bytes = (...values: number[]) => values.map((byte) => golden.vocabulary.byteIds[byte]!);
  const op = golden.opId!;

  it('replaces what is not UTF-8', () => {
    expect(golden.decode(bytes(0x41, 0xff, 0x42))).toBe('A\ufffdB');
    expect(golden.decode([...bytes(0xe5, 0x88), golden.idOf('hello')!])).toBe('\ufffdhello');
    expect(golden.decode(bytes(0xe5, 0x88))).toBe('\ufffd');
  });

  it('leaves out special pieces when asked', () => {
    const ids = [golden.bosId, golden.idOf('hello')!, op];
    expect(golden.decode(ids)).toBe('<|plamo:bos|>hello<|plamo:op|>');
    expect(golden.decode(ids, { skipSpecial: true })).toBe('hello');
  });

  it('streams: a character appears when its last byte has come', () => {
    const decoder = golden.decoder();
    const pushed = [...golden.encode('𠀋é'), golden.idOf('hello')!].map((id) => decoder.push(id));
    expect(pushed).toEqual(['', '', '', '𠀋', '', 'é', 'hello']);
    expect(decoder.flush()).toBe('');
    for (const id of bytes(0xf0, 0xa0)) expect(decoder.push(id)).toBe('');
    expect(decoder.flush()).toBe('\ufffd');
    expect(decoder.push(golden.idOf('hello')!)).toBe('hello');
  });

  it('streams the same text as it decodes at once, for any ids', () => {
    const random = new RandomStream(2);
    for (let round = 0; round < 50; round++) {
      // Half of them byte tokens, so that broken characters of every kind occur.
      const ids = Array.from({ length: 60 }, () =>
        random.below(2) ? golden.vocabulary.byteIds[random.below(256)]! : random.below(golden.vocabSize),
      );
      const utf8 = ids.map((id) => {
        const byte = golden.vocabulary.bytes[id]!;
        return byte >= 0 ? Buffer.of(byte) : Buffer.from(golden.piece(id)!.text);
      });
      expect(golden.decode(ids)).toBe(new TextDecoder('utf-8', { ignoreBOM: true }).decode(Buffer.concat(utf8)));
    }
  });

  it('refuses ids that the vocabulary does not have, but not the padding rows of a model', () => {
    for (const id of [-1, golden.vocabSize, 1.5, Number.NaN]) expect(() => golden.decode([id])).toThrow(DataError);
    const padded = Tokenizer.load(here('golden'), { modelVocabSize: 640 });
    expect(padded.paddingIds).toBe(640 - golden.vocabSize);
    expect(padded.decode([639])).toBe('');
    expect(() => padded.decode([640])).toThrow('from 0 to 639');
  });
});

describe('Tokenizer', () => {
  it('knows its pieces', () => {
    expect([golden.unkId, golden.bosId, golden.eosId, golden.padId, golden.opId]).toEqual([0, 1, 2, 3, 4]);
    expect(golden.piece(golden.idOf('hello')!)).toEqual({ text: 'hello', score: -8, type: 'NORMAL' });
    expect(golden.idOf('no such piece')).toBeUndefined();
    expect(golden.piece(golden.vocabSize)).toBeUndefined();
    // The folder has no tokenizer_config.json: the defaults of the published class.
    expect([golden.addBos, golden.addEos]).toEqual([false, false]);
  });

  it('refuses a vocabulary larger than the model, naming both sizes', () => {
    const load = () => Tokenizer.load(here('golden'), { modelVocabSize: 600 });
    expect(load).toThrow(FormatError);
    expect(load).toThrow(/tokenizer\.jsonl has 626 pieces, but the model has a vocabulary of 600/);
  });

  it('needs the special pieces, under their usual or given names', () => {
    const pieces = golden.vocabulary.pieces.filter((piece) => piece.text !== '<|plamo:eos|>');
    expect(() => Tokenizer.fromPieces(pieces)).toThrow('has no piece <|plamo:eos|>');
    expect(Tokenizer.fromPieces(pieces, { names: { eos: '<|plamo:bos|>' } }).eosId).toBe(1);
  });

  it('measures its density', () => {
    const density = golden.density(['hello', '😀😀']);
    expect(density).toMatchObject({ tokens: 2, characters: 7, bytes: 13, charactersPerToken: 3.5, bytesPerToken: 6.5 });
  });
});
