// What text can be held to, as grammars: JSON schemas, regular expressions, EBNF.
export { BAD_GRAMMAR, literal, MAX_GRAMMAR_CHARACTERS, MAX_GRAMMAR_REPEATS, Rules } from './ebnf.ts';
export { type AnswerFormat, grammarOf } from './format.ts';
