// What text can be held to, as grammars: JSON schemas, regular expressions, EBNF.

export { type AnswerFormat, grammarOf } from './answer-format.ts';
export { BAD_GRAMMAR, literal, MAX_GRAMMAR_CHARACTERS, MAX_GRAMMAR_REPEATS, Rules } from './ebnf.ts';
