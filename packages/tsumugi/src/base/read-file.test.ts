// Files held in memory whole, and JSON from outside: what is refused before memory is taken, and in which words.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DataError, FormatError } from './errors.ts';
import { jsonExcess, MAX_JSON_BYTES, parseJson } from './json-text.ts';
import { readBytes, readJsonValue } from './read-file.ts';

let home: string;
const at = (name: string) => join(home, name);
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'tsumugi-read-'));
});
afterEach(() => rmSync(home, { recursive: true }));

const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);

describe('parseJson', () => {
  it.each([
    ['brackets in a text', `{"a": "${'[{,'.repeat(1000)}"}`],
    ['quotes in a text', JSON.stringify({ [`"${'\\"'.repeat(500)}`]: ['\\', '\\\\"', '"[[', ''] })],
    ['as deep as the limit', nested(256)],
    ['as deep as the limit over and over', `[${`${nested(255)},`.repeat(300)}{"a": {}}]`],
    ['a number', ' 1e3 '],
  ])('reads %s', (_case, text) => expect(parseJson(text)).toEqual(JSON.parse(text)));

  it.each([
    ['deeper than the limit', nested(257), /^it nests deeper than 256 levels, more than is read$/],
    ['deep behind a text that ends in a backslash', `["\\\\",${nested(256)}]`, /nests deeper/],
    ['too many values', `[${'1,'.repeat(2_000_000)}1]`, /^it holds more than 2,000,000 values, more than is read$/],
    ['a text without an end', '{"a', /Unterminated string/],
  ])('refuses what is %s', (_case, text, message) => expect(() => parseJson(text)).toThrow(message));

  it('counts as many values as it is told', () => {
    expect(jsonExcess('[1,2,3]', 3)).toBeUndefined();
    expect(jsonExcess('[1,2,3]', 2)).toBe('holds more than 2 values');
  });
});

describe('readJsonValue', () => {
  const refusal = (path: string): string => {
    try {
      readJsonValue(path);
    } catch (error) {
      expect(error instanceof DataError || error instanceof FormatError).toBe(true);
      return (error as Error).message;
    }
    return 'read';
  };

  it('reads a file, without its byte-order mark', () => {
    writeFileSync(at('a.json'), '\ufeff{"a": [1]}');
    expect(readJsonValue(at('a.json'))).toEqual({ a: [1] });
  });

  it('names the file and what is wrong with it', () => {
    mkdirSync(at('folder'));
    symlinkSync('gone.json', at('link.json'));
    symlinkSync('circle.json', at('circle.json'));
    writeFileSync(at('cut.json'), '{"a": ');
    writeFileSync(at('deep.json'), nested(257));
    writeFileSync(at('latin.json'), Buffer.from('"\xe9"', 'latin1'));
    writeFileSync(at('large.json'), '');
    truncateSync(at('large.json'), MAX_JSON_BYTES + 1); // sparse
    const cases: [name: string, words: string][] = [
      ['gone.json', 'does not exist\n  → Check the path.'],
      ['cut.json/a', 'does not exist\n  → Check the path.'],
      ['link.json', 'is a link to gone.json, which does not exist\n  → Fetch what'],
      ['circle.json', 'cannot be read: its links lead in a circle\n  → Check'],
      ['folder', 'is a folder\n  → Put the file itself there'],
      ['cut.json', 'is not valid JSON: Unexpected end of JSON input\n  → Correct the file'],
      ['deep.json', 'nests deeper than 256 levels, more than is read\n  → Correct'],
      ['latin.json', 'is not valid UTF-8\n  → Write'],
      ['large.json', 'has 100000001 bytes, and at most 100000000 are read\n  → Check'],
    ];
    for (const [name, words] of cases) expect(refusal(at(name))).toContain(`${at(name)} ${words}`);
    expect(refusal('/dev/zero')).toContain('/dev/zero is no regular file');
  });

  it('reads as many bytes as it is told', () => {
    writeFileSync(at('a'), '1234');
    expect(readBytes(at('a'), 4)).toHaveLength(4);
    expect(() => readBytes(at('a'), 3)).toThrow('has 4 bytes, and at most 3 are read');
  });
});
