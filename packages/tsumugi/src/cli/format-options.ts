// What a command holds its text to: a JSON schema, an expression or a grammar.
import { ConfigError, decodeUtf8, readBytes, readJsonValue, UserError } from '../base/index.ts';
import type { Grammars, TokenConstraint } from '../lm/index.ts';
import { type AnswerFormat, grammarOf } from '../text/index.ts';
import type { OptionValues } from './options.ts';

export const formatOptions = {
  schema: { type: 'string', value: 'FILE', help: 'hold the text to JSON that matches the JSON schema in this file' },
  regex: { type: 'string', value: 'PATTERN', help: 'hold the text to what this expression matches from end to end' },
  grammar: {
    type: 'string',
    value: 'FILE',
    help: 'hold the text to the grammar in this file: EBNF with the rule root',
  },
} as const;

const MAX_GRAMMAR_BYTES = 1 << 20;

/** What a text is held to. */
export interface HeldTo {
  /** For one text that ends with one of these ids. @throws UserError that names the option, for a grammar that cannot be compiled */
  constrain(grammars: Grammars, endIds: readonly number[]): Promise<TokenConstraint>;
}

/** Undefined where the text is held to nothing. @throws UserError that names the option or the file, for what no text can be held to */
export function heldTo(options: OptionValues<typeof formatOptions>): HeldTo | undefined {
  const given = (['schema', 'regex', 'grammar'] as const).filter((name) => options[name] !== undefined);
  const [name, other] = given;
  if (name === undefined) return undefined;
  if (other !== undefined)
    throw new ConfigError('two-formats', `--${name} and --${other} would both hold the text to something`, {
      remedy: 'Give one of them.',
      fields: { options: given },
    });
  const value = options[name]!;
  const format = readFormat(name, value);
  let grammar: string;
  try {
    grammar = grammarOf(format);
  } catch (error) {
    throw ofOption(name, value, error);
  }
  return {
    constrain: (grammars, endIds) =>
      grammars.constrain(grammar, endIds).catch((error: unknown) => {
        throw ofOption(name, value, error);
      }),
  };
}

function readFormat(name: keyof typeof formatOptions, value: string): AnswerFormat {
  if (name === 'regex') return { type: 'regex', pattern: value };
  if (name === 'schema') return { type: 'json_schema', schema: readJsonValue(value) };
  return { type: 'grammar', grammar: decodeUtf8(readBytes(value, MAX_GRAMMAR_BYTES), value) };
}

/** An error that says of which option it is. */
function ofOption(name: string, value: string, error: unknown): unknown {
  if (!(error instanceof UserError)) return error;
  return new ConfigError(error.code, `--${name} ${value}: ${error.fault}`, {
    ...(error.remedy !== undefined && { remedy: error.remedy }),
    fields: { ...error.fields, option: name },
  });
}
