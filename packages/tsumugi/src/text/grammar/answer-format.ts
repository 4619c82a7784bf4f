// What an answer is held to, as it is asked for.
import { ConfigError, kindOf } from '../../base/index.ts';
import { checkedGrammar } from './ebnf.ts';
import { spellClasses } from './ebnf-classes.ts';
import { regexGrammar } from './regex.ts';
import { jsonObjectGrammar, schemaGrammar } from './schema.ts';

export type AnswerFormat =
  | { readonly type: 'json_object' }
  | { readonly type: 'json_schema'; readonly schema: unknown }
  | { readonly type: 'regex'; readonly pattern: string }
  /** EBNF with the rule `root`. */
  | { readonly type: 'grammar'; readonly grammar: string };

/** The grammar that a format is. @throws DataError for what text cannot be held to, saying what and where */
export function grammarOf(format: AnswerFormat): string {
  switch (format.type) {
    case 'json_object':
      return jsonObjectGrammar();
    case 'json_schema':
      return schemaGrammar(format.schema);
    case 'regex':
      return regexGrammar(textOf('pattern', format.pattern));
    case 'grammar':
      return spellClasses(checkedGrammar(textOf('grammar', format.grammar)));
  }
}

function textOf(option: string, value: unknown): string {
  if (typeof value === 'string') return value;
  throw new ConfigError('bad-option', `${option} must be a text, got ${kindOf(value)}`, { fields: { option } });
}
