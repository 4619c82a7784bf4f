// The published tokenizer files: writing, reading, malformed ones.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DataError, FormatError } from '../../base/index.ts';
import { writeTokenizer } from './format.ts';
import { Tokenizer } from './tokenizer.ts';

const golden = Tokenizer.load(fileURLToPath(new URL('golden', import.meta.url)));
const { pieces } = golden.vocabulary;

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tsumugi-tokenizer-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

describe('writeTokenizer', () => {
  it('writes what is read back, equal', () => {
    writeTokenizer(folder, pieces);
    expect(readdirSync(folder).sort()).toEqual(['tokenizer.jsonl', 'tokenizer_config.json']);
    const read = Tokenizer.load(folder);
    expect(read.vocabulary.pieces).toEqual(pieces);
    expect([read.addBos, read.addEos]).toEqual([true, false]);
    expect(Tokenizer.load(join(folder, 'tokenizer.jsonl')).addBos).toBe(true);
  });

  it('writes lines as published: whole scores as fractions too', () => {
    writeTokenizer(folder, pieces);
    const lines = readFileSync(join(folder, 'tokenizer.jsonl'), 'utf8').split('\n');
    expect(lines[0]).toBe('["<|plamo:unk|>", 0.0, "UNKNOWN", null, null]');
    expect(lines[golden.idOf('hello')!]).toBe('["hello", -8.0, "NORMAL", null, null]');
    expect(lines[golden.idOf('\n\n')!]).toBe('["\\n\\n", -8.0, "NORMAL", null, null]');
    expect(lines.at(-1)).toBe('');
  });

  it('writes nothing when the pieces are no vocabulary', () => {
    expect(() => writeTokenizer(folder, pieces.slice(1))).toThrow(FormatError);
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('Tokenizer.load', () => {
  const writeConfig = (config: unknown) => {
    writeTokenizer(folder, pieces);
    writeFileSync(join(folder, 'tokenizer_config.json'), typeof config === 'string' ? config : JSON.stringify(config));
  };

  it('takes names as strings or objects, and null for none', () => {
    writeConfig({
      add_eos_token: true,
      bos_token: { content: '<|plamo:op|>' },
      eos_token: '<|plamo:pad|>',
      pad_token: null,
    });
    const { bosId, eosId, padId, addBos, addEos } = Tokenizer.load(folder);
    expect({ bosId, eosId, padId, addBos, addEos }).toEqual({
      bosId: 4,
      eosId: 3,
      padId: 3,
      addBos: false,
      addEos: true,
    });
  });

  it.each([
    ['{', /tokenizer_config\.json is not valid JSON/],
    [[], /is not a JSON object/],
    [{ add_bos_token: 'yes' }, /add_bos_token is "yes", not true or false/],
    [{ eos_token: 2 }, /eos_token is 2, not the name of a piece/],
    [{ eos_token: { content: 2 } }, /eos_token is \{"content":2\}, not the name/],
    [{ eos_token: '</s>' }, /has no piece <\/s>/],
  ])('refuses the config %j', (config, message) => {
    writeConfig(config);
    expect(() => Tokenizer.load(folder)).toThrow(FormatError);
    expect(() => Tokenizer.load(folder)).toThrow(message);
  });

  it('says what is not there', () => {
    expect(() => Tokenizer.load(folder)).toThrow(DataError);
    expect(() => Tokenizer.load(folder)).toThrow(/there is no tokenizer at .*tokenizer\.jsonl/);
    expect(() => Tokenizer.load(join(folder, 'nowhere'))).toThrow(/there is no tokenizer at .*nowhere/);
  });

  it.each([
    ['tokenizer.json', 'a tokenizer of the Hugging Face tokenizers library'],
    ['merges.txt', 'a byte-pair encoding'],
    ['spiece.model', 'a SentencePiece model'],
    ['cl100k.tiktoken', 'a tiktoken encoding'],
    ['vocab.txt', 'a WordPiece vocabulary'],
  ])('says that %s is %s', (name, kind) => {
    writeFileSync(join(folder, name), '{}');
    for (const place of [folder, join(folder, name)])
      expect(() => Tokenizer.load(place)).toThrow(`${join(folder, name)} holds ${kind}, not the pieces`);
    writeTokenizer(folder, pieces);
    expect(Tokenizer.load(folder).vocabSize).toBe(pieces.length);
  });

  it.each(['tokenizer.jsonl', 'tokenizer_config.json'])('names %s when it is not UTF-8', (name) => {
    writeTokenizer(folder, pieces);
    writeFileSync(join(folder, name), Buffer.of(0x22, 0xff, 0x22));
    expect(() => Tokenizer.load(folder)).toThrow(`${name} is not valid UTF-8`);
  });
});
