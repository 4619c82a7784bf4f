// Encoding and decoding against golden cases and the plain recurrence.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { golden } from '../../../../../tests/files.ts';
import { DataError, FormatError, RandomStream } from '../../base/index.ts';
import { plainEncode } from './plain-encode.testing.ts';
import { Tokenizer } from './tokenizer.ts';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const independent = golden('tokenizer');

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
const awkward = Tokenizer.load(here('golden'));

describe('encode', () => {
  it.each(readCases(here('golden')))('golden: $text', ({ text, ids }) => {
    expect(awkward.encode(text)).toEqual(ids);
    expect(awkward.decode(ids)).toBe(text);
  });

  it('every case of an independent reference', () => {
    const tokenizer = Tokenizer.load(independent);
    const cases = readCases(independent);
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
      ...awkward.vocabulary.pieces.flatMap(({ text }) => [text, text.slice(1), text.slice(0, -1)]),
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
      expect(awkward.encode(text, { safe }), JSON.stringify(text)).toEqual(
        plainEncode(awkward.vocabulary.pieces, text, safe),
      );
    }
  });

  it('gives the same ids for a text longer than the work space it keeps', () => {
    const { text } = readCases(here('golden')).find((item) => item.text.length > 100)!;
    // Nothing in the vocabulary spans U+0001, so the ids of the parts are the parts of the ids.
    const one = awkward.encode(`${text}\u0001`);
    const times = Math.ceil(2 ** 20 / text.length) + 1;
    const ids = awkward.encode(`${text}\u0001`.repeat(times));
    expect(ids.length).toBe(one.length * times);
    expect(ids.slice(-one.length)).toEqual(one);
    expect(awkward.encode(text)).toEqual(one.slice(0, -1));
  });

  it('gives the same ids in steps, whatever is encoded between them', () => {
    const random = new RandomStream(2);
    const parts = [...awkward.vocabulary.pieces.map(({ text }) => text), '😀', '\ud842', '<|plamo:op|>', '鰻'];
    const texts = [0, 1].map(() => Array.from({ length: 12_000 }, () => parts[random.below(parts.length)]).join(''));
    for (const options of [{}, { safe: true, addBos: true }]) {
      const wanted = texts.map((text) => awkward.encode(text, options));
      const working = texts.map((text) => awkward.encodeSteps(text, options));
      const ids: (number[] | undefined)[] = [undefined, undefined];
      let steps = 0;
      for (; ids.includes(undefined); steps++) {
        for (const [i, each] of working.entries()) {
          const step = each.next();
          if (step.done && step.value) ids[i] = step.value;
        }
        awkward.encode('hello<|plamo:op|>');
      }
      expect(ids).toEqual(wanted);
      expect(steps).toBeGreaterThan(9);
    }
    expect(awkward.encodeSteps('hello').next()).toEqual({ done: true, value: awkward.encode('hello') });
  });

  it('reads half of a surrogate pair as U+FFFD', () => {
    expect(awkward.encode('a\ud83dx')).toEqual(awkward.encode('a\ufffdx'));
    expect(awkward.decode(awkward.encode('\udfb7\ud842'))).toBe('\ufffd\ufffd');
  });

  it('keeps a byte order mark', () => {
    expect(awkward.decode(awkward.encode('\ufeff日'))).toBe('\ufeff日');
    expect(awkward.decode(awkward.encode('日\ufeff'))).toBe('日\ufeff');
  });

  it('adds bos when asked', () => {
    expect(awkward.encode('hello', { addBos: true })).toEqual([awkward.bosId, ...awkward.encode('hello')]);
    expect(awkward.encode('', { addBos: true })).toEqual([awkward.bosId]);
  });

  it('in safe mode, spells special pieces as ordinary text', () => {
    const text = 'hello<|plamo:op|><|plamo:eos|><|plamo:unk|>';
    expect(awkward.encode(text)).toEqual([...awkward.encode('hello'), awkward.opId, awkward.eosId, awkward.unkId]);
    const ids = awkward.encode(text, { safe: true });
    expect(ids.filter((id) => awkward.vocabulary.isSpecial(id))).toEqual([]);
    expect(awkward.decode(ids)).toBe(text);
  });
});

describe('decode', () => {
  const bytes = (...values: number[]) => values.map((byte) => awkward.vocabulary.byteIds[byte]!);
  const op = awkward.opId!;

  it('says in steps what it says at once', () => {
    const ids = Array.from({ length: 9000 }, (_, i) => (i * 7) % awkward.vocabSize);
    let steps = 0;
    const work = awkward.decodeSteps(ids);
    let step = work.next();
    for (; !step.done; step = work.next()) steps++;
    expect([steps, step.value]).toEqual([2, awkward.decode(ids)]);
  });

  it('replaces what is not UTF-8', () => {
    expect(awkward.decode(bytes(0x41, 0xff, 0x42))).toBe('A\ufffdB');
    expect(awkward.decode([...bytes(0xe5, 0x88), awkward.idOf('hello')!])).toBe('\ufffdhello');
    expect(awkward.decode(bytes(0xe5, 0x88))).toBe('\ufffd');
  });

  it('leaves out special pieces when asked', () => {
    const ids = [awkward.bosId, awkward.idOf('hello')!, op];
    expect(awkward.decode(ids)).toBe('<|plamo:bos|>hello<|plamo:op|>');
    expect(awkward.decode(ids, { skipSpecial: true })).toBe('hello');
  });

  it('streams: a character appears when its last byte has come', () => {
    const decoder = awkward.decoder();
    const pushed = [...awkward.encode('𠀋é'), awkward.idOf('hello')!].map((id) => decoder.push(id));
    expect(pushed).toEqual(['', '', '', '𠀋', '', 'é', 'hello']);
    expect(decoder.flush()).toBe('');
    for (const id of bytes(0xf0, 0xa0)) expect(decoder.push(id)).toBe('');
    expect(decoder.flush()).toBe('\ufffd');
    expect(decoder.push(awkward.idOf('hello')!)).toBe('hello');
  });

  it('streams the same text as it decodes at once, for any ids', () => {
    const random = new RandomStream(2);
    for (let round = 0; round < 50; round++) {
      // Half of them byte tokens, so that broken characters of every kind occur.
      const ids = Array.from({ length: 60 }, () =>
        random.below(2) ? awkward.vocabulary.byteIds[random.below(256)]! : random.below(awkward.vocabSize),
      );
      const utf8 = ids.map((id) => {
        const byte = awkward.vocabulary.bytes[id]!;
        return byte >= 0 ? Buffer.of(byte) : Buffer.from(awkward.piece(id)!.text);
      });
      expect(awkward.decode(ids)).toBe(new TextDecoder('utf-8', { ignoreBOM: true }).decode(Buffer.concat(utf8)));
    }
  });

  it('refuses ids that the vocabulary does not have, but not the padding rows of a model', () => {
    for (const id of [-1, awkward.vocabSize, 1.5, Number.NaN]) expect(() => awkward.decode([id])).toThrow(DataError);
    const padded = Tokenizer.load(here('golden'), { modelVocabSize: 640 });
    expect(padded.paddingIds).toBe(640 - awkward.vocabSize);
    expect(padded.decode([639])).toBe('');
    expect(() => padded.decode([640])).toThrow('from 0 to 639');
  });
});

describe('Tokenizer', () => {
  it('knows its pieces', () => {
    expect([awkward.unkId, awkward.bosId, awkward.eosId, awkward.padId, awkward.opId]).toEqual([0, 1, 2, 3, 4]);
    expect(awkward.piece(awkward.idOf('hello')!)).toEqual({ text: 'hello', score: -8, type: 'NORMAL' });
    expect(awkward.idOf('no such piece')).toBeUndefined();
    expect(awkward.piece(awkward.vocabSize)).toBeUndefined();
    // The folder has no tokenizer_config.json: the defaults of the published class.
    expect([awkward.addBos, awkward.addEos]).toEqual([false, false]);
  });

  it('refuses a vocabulary larger than the model, naming both sizes', () => {
    const load = () => Tokenizer.load(here('golden'), { modelVocabSize: 600 });
    expect(load).toThrow(FormatError);
    expect(load).toThrow(/tokenizer\.jsonl has 626 pieces, but the model has a vocabulary of 600/);
  });

  it('needs the special pieces, under their usual or given names', () => {
    const pieces = awkward.vocabulary.pieces.filter((piece) => piece.text !== '<|plamo:eos|>');
    expect(() => Tokenizer.fromPieces(pieces)).toThrow('has no piece <|plamo:eos|>');
    expect(Tokenizer.fromPieces(pieces, { names: { eos: '<|plamo:bos|>' } }).eosId).toBe(1);
  });

  it('measures its density', () => {
    const density = awkward.density(['hello', '😀😀']);
    expect(density).toMatchObject({ tokens: 2, characters: 7, bytes: 13, charactersPerToken: 3.5, bytesPerToken: 6.5 });
  });
});
