// What text cannot be held to is refused: what, where, and what to do.
import { describe, expect, it } from 'vitest';
import { DataError } from '../../base/index.ts';
import { thrown } from '../../base/thrown.testing.ts';
import { grammarOf } from './answer-format.ts';
import { BAD_GRAMMAR, MAX_GRAMMAR_CHARACTERS } from './ebnf.ts';

const schema = (value: unknown) => () => grammarOf({ type: 'json_schema', schema: value });
const regex = (pattern: string) => () => grammarOf({ type: 'regex', pattern });
const deep = (depth: number): unknown => (depth === 0 ? { type: 'null' } : { type: 'array', items: deep(depth - 1) });

describe('a schema', () => {
  it.each([
    [{ type: 'strin' }, 'the schema at # has the type "strin"'],
    [{ type: [] }, 'the schema at # has the type []'],
    [false, 'the schema at # is false'],
    [3, 'the schema at # is no schema'],
    [null, 'the schema at # is no schema'],
    [{ properties: { a: { properties: { b: [] } } } }, 'the schema at #/properties/a/properties/b is no schema'],
    [{ type: 'array', items: { not: {} } }, 'the schema at #/items has "not", which text cannot be held to here'],
    [{ type: 'integer', multipleOf: 5 }, 'has "multipleOf"'],
    [{ type: 'array', uniqueItems: true }, 'has "uniqueItems"'],
    [{ type: 'object', minProperties: 1 }, 'has "minProperties"'],
    [{ type: 'string', minimum: 1 }, 'has "minimum"'],
    [{ if: {}, else: {} }, 'has "if"'],
    [{ type: 'string', format: 'color' }, 'has the format "color"'],
    [{ type: 'string', format: 'toString' }, 'has the format "toString"'],
    [{ type: 'string', pattern: 'a', maxLength: 3 }, 'has more than one of pattern, format and limits of length'],
    [{ type: 'string', pattern: 'a(' }, 'the pattern at # has a ( without its ) at character 3'],
    [{ type: 'string', minLength: 3, maxLength: 2 }, 'has maxLength below minLength'],
    [{ type: 'string', maxLength: -1 }, 'has maxLength -1'],
    [{ type: 'string', maxLength: 100_000 }, 'counts to more than 256'],
    [{ type: 'array', minItems: 2, maxItems: 1 }, 'has maxItems below minItems'],
    [{ type: 'array', items: [{}] }, 'the schema at #/items is no schema'],
    [{ type: 'array', items: false, minItems: 1 }, 'has minItems above its prefixItems'],
    [{ type: 'integer', minimum: 3, maximum: 2 }, 'has bounds that leave no number'],
    [{ type: 'number', minimum: '3' }, 'has minimum "3"'],
    [{ type: 'number', minimum: 1e-20 }, 'has minimum 1e-20'],
    [{ enum: [] }, 'has enum without a value of its type'],
    [{ enum: 'a' }, 'has an enum that is no list'],
    [{ type: 'string', const: 1 }, 'has const without a value of its type'],
    [{ enum: ['a'], minLength: 2 }, 'has "minLength"'],
    [{ anyOf: [] }, 'has anyOf without alternatives'],
    [{ anyOf: [{ type: 'null' }], minimum: 1 }, 'has "minimum"'],
    [
      { oneOf: [{ type: 'integer' }, { type: 'number' }] },
      'has alternatives 0 and 1 of oneOf that a value may match both',
    ],
    [
      {
        oneOf: [
          { properties: { a: { const: 1 } }, required: ['a'] },
          { properties: { a: { const: 2 } }, additionalProperties: true },
        ],
      },
      'has alternatives 0 and 1 of oneOf that a value may match both',
    ],
    [{ allOf: [{}, {}] }, 'has allOf with several schemas'],
    [{ $ref: 'http://a/b' }, 'refers to "http://a/b"'],
    [{ $ref: '#/$defs/x' }, 'refers to #/$defs/x, which is not there'],
    [{ $ref: '#/constructor' }, 'refers to #/constructor, which is not there'],
    [{ $ref: '#' }, 'refers to itself and to nothing else'],
    [{ $ref: '#/$defs/a', $defs: { a: { $ref: '#/$defs/b' }, b: { $ref: '#/$defs/a' } } }, 'refers to itself'],
    [{ type: 'object', properties: {}, required: ['a'], additionalProperties: false }, 'requires "a"'],
    [{ type: 'object', required: 'a' }, 'has required that is no list of names'],
    [deep(300), 'is nested more than 200 deep'],
    [{ anyOf: Array.from({ length: 3000 }, () => ({ type: 'null' })) }, 'is one of more than 2000'],
    [{ enum: Array.from({ length: 9000 }, (_, i) => `value-${i}`) }, 'makes a grammar of more than'],
  ])('%# is refused', (value, message) => {
    const error = thrown(DataError, schema(value));
    expect(error.message).toContain(message);
    expect([error.code, typeof error.remedy]).toEqual([BAD_GRAMMAR, 'string']);
  });

  it('is one rule however often it is referred to', () => {
    const $defs: Record<string, unknown> = { d0: { type: 'integer' } };
    for (let i = 1; i < 40; i++)
      $defs[`d${i}`] = {
        type: 'object',
        properties: { a: { $ref: `#/$defs/d${i - 1}` }, b: { $ref: `#/$defs/d${i - 1}` } },
      };
    expect(schema({ $ref: '#/$defs/d39', $defs })().length).toBeLessThan(20_000);
  });
});

describe('a regular expression', () => {
  it.each([
    ['a)', 'the regular expression has a ) without its ( at character 2'],
    ['(a', 'has a ( without its ) at character 3'],
    ['[a', 'has a [ without its ] at character 3'],
    ['*a', 'repeats nothing with * at character 1'],
    ['a**', 'repeats nothing with * at character 3'],
    ['a{2,1}', 'repeats {2,1}, at most less than at least, at character 7'],
    ['a{', 'has a { by itself at character 2'],
    ['a^b', 'has ^ within the text at character 2'],
    ['a$b', 'has $ within the text at character 2'],
    ['(?=a)', 'looks around, or has a flag, at character 3'],
    ['(?<!a)b', 'looks around, or has a flag, at character 3'],
    ['\\bcat', 'has \\b, which is not known here, at character 1'],
    ['(a)\\1', 'has \\1, which is not known here, at character 4'],
    ['\\p{L}', 'has \\p, which is not known here, at character 1'],
    ['[z-a]', 'has a range that does not go upward'],
    ['[]', 'has a set without a character'],
    ['a\\', 'ends in a backslash'],
    ['\\x4', 'has a \\x without 2 hexadecimal digits'],
    ['a{1000}', 'counts to more than 256'],
    ['('.repeat(100), 'is nested more than 64 deep'],
  ])('%j is refused', (pattern, message) => {
    expect(thrown(DataError, regex(pattern)).message).toContain(message);
  });
});

describe('a grammar', () => {
  const grammar = (text: unknown) => () => grammarOf({ type: 'grammar', grammar: text as string });

  it('has its classes spelled in bytes, and is else left as it is', () => {
    expect(grammar('root ::= "[あ]" [ab] # [c\nx ::= [^\\u0000-\\U0010fffe]')()).toBe(
      'root ::= "[あ]" ([a-b]) # [c\nx ::= ([\\u00f4\\u00f4] [\\u008f\\u008f] [\\u00bf\\u00bf] [\\u00bf\\u00bf])',
    );
  });

  it.each([
    ['root ::= [b-a]', 'the grammar has [b-a] in line 1, a range that does not go upward'],
    ['root ::= "a"\nb ::= [\\q]', 'the grammar has [\\q] in line 2, where \\q is not known'],
    ['root ::= [\\Uffffffff]', 'a character that there is not'],
    ['root ::= []', 'a class without a character'],
    ['root ::= "a"{0,100000}', 'counts to more than 256'],
    ['#'.repeat(MAX_GRAMMAR_CHARACTERS + 1), 'is a grammar of more than 131072 characters'],
    ['root ::= "\ud800"', 'holds half of a surrogate pair'],
    [5, 'grammar must be a text, got number 5'],
  ])('%# is refused', (text, message) => {
    expect(grammar(text)).toThrow(message);
  });
});
