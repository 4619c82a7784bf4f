// Command-line options: types, defaults, mistakes.
import { describe, expect, expectTypeOf, it } from 'vitest';
import { ConfigError } from '../base/index.ts';
import { describeOptions, type OptionTable, parseOptions } from './options.ts';

const table = {
  model: { type: 'string', value: 'DIR', required: true, help: 'model folder' },
  maxTokens: { type: 'integer', min: 1, max: 100, default: 8, help: 'tokens' },
  topP: { type: 'number', min: 0, help: 'share' },
  dtype: { type: 'choice', choices: ['float32', 'bfloat16'], default: 'float32', help: 'type' },
  text: { type: 'list', value: 'PATH', help: 'files' },
  json: { type: 'boolean', help: 'as JSON' },
} as const satisfies OptionTable;

const parse = (...args: string[]) => parseOptions(table, args, 'tsumugi x');

function refusal(...args: string[]): string {
  try {
    parse(...args);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as Error).message;
  }
  throw new Error(`accepted: ${args.join(' ')}`);
}

describe('parseOptions', () => {
  it('fills in defaults and types the values', () => {
    const { values, positionals, help } = parse('--model', 'm');
    expect(values).toEqual({ model: 'm', maxTokens: 8, topP: undefined, dtype: 'float32', text: [], json: false });
    expect([positionals, help]).toEqual([[], false]);
    expectTypeOf(values.model).toEqualTypeOf<string>();
    expectTypeOf(values.maxTokens).toEqualTypeOf<number>();
    expectTypeOf(values.topP).toEqualTypeOf<number | undefined>();
    expectTypeOf(values.dtype).toEqualTypeOf<'float32' | 'bfloat16'>();
    expectTypeOf(values.text).toEqualTypeOf<readonly string[]>();
    expectTypeOf(values.json).toEqualTypeOf<boolean>();
  });

  it('reads values, lists over several arguments, and arguments after --', () => {
    const { values, positionals } = parse(
      ...[
        'first',
        '--model=m',
        '--text',
        'a',
        'b',
        '--max-tokens',
        '1e1',
        '--text',
        'c',
        '--top-p',
        '.5',
        '--json',
        '--',
        '--z',
      ],
    );
    expect(values).toEqual({
      model: 'm',
      maxTokens: 10,
      topP: 0.5,
      dtype: 'float32',
      text: ['a', 'b', 'c'],
      json: true,
    });
    expect(positionals).toEqual(['first', '--z']);
  });

  it('takes a value that begins with a dash when it is written with =, and negative numbers', () => {
    expect(parse('--model=--json').values.model).toBe('--json');
    expect(refusal('--model', '--json')).toContain('--model needs a value, got the option --json');
    expect(refusal('--model', 'm', '--top-p', '-1')).toContain('--top-p: expected a number of at least 0, got "-1"');
  });

  it.each([
    [['--modle', 'm'], 'tsumugi x has no option --modle\n  → Did you mean --model?'],
    [['-q'], 'tsumugi x has no option -q\n  → See tsumugi x --help.'],
    [['--model'], '--model needs a value\n  → Write --model DIR.'],
    [['--model', ''], '--model: expected DIR, got ""\n  → Name one; a shell variable may not be set.'],
    [['--model='], '--model: expected DIR, got ""'],
    [['--model', 'm', '--text', ''], '--text: expected PATH, got ""'],
    [['--model', 'm', '--text', 'a', ''], '--text: expected PATH, got ""'],
    [[], 'tsumugi x needs --model DIR (model folder)'],
    [['--model', 'm', '--json=yes'], '--json takes no value, got "yes"'],
    [['--model', 'm', '--max-tokens', '1.5'], '--max-tokens: expected a whole number from 1 to 100, got "1.5"'],
    [['--model', 'm', '--max-tokens', '0'], 'expected a whole number from 1 to 100, got "0"'],
    [['--model', 'm', '--max-tokens', ''], 'got ""'],
    [['--model', 'm', '--top-p', 'high'], '--top-p: expected a number of at least 0, got "high"'],
    [['--model', 'm', '--top-p', 'Infinity'], 'got "Infinity"'],
    [
      ['--model', 'm', '--dtype', 'bflaot16'],
      'expected one of float32, bfloat16, got "bflaot16"\n  → Did you mean "bfloat16"?',
    ],
    [['--model', 'm', '--to-string', 'x'], 'has no option --to-string'],
  ])('refuses %j', (args, message) => {
    expect(refusal(...args)).toContain(message);
  });

  it('checks nothing else when help is asked for', () => {
    expect(parse('--help').help).toBe(true);
    expect(parse('--nonsense', '-h').help).toBe(true);
  });

  it('describes the options from the same table', () => {
    const text = describeOptions(table).replaceAll(/ +/g, ' ');
    expect(text).toContain('\n --max-tokens N tokens (default 8)\n');
    expect(text).toContain(' --model DIR model folder (required)\n');
    expect(text).toContain(' --dtype float32|bfloat16 type (default float32)\n');
    expect(text).toContain(' --json as JSON\n -h, --help show this\n');
  });
});
