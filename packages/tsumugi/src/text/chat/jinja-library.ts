// What is used of @huggingface/jinja, with types: its own name their files in a way that Node's resolution does not follow.
import * as library from '@huggingface/jinja';

/** A value inside a template. */
export interface JinjaValue {
  readonly type: string;
  readonly value: unknown;
}

export interface JinjaToken {
  readonly type: string;
  readonly value: string;
}

export interface JinjaEnvironment {
  set(name: string, value: unknown): void;
}

export interface JinjaInterpreter {
  run(program: object): JinjaValue;
  /** Called for every node of the program, at each visit. */
  evaluate(statement: object | undefined, environment: JinjaEnvironment): JinjaValue;
  /** Called for every turn of a loop and for what is inside a condition or a macro. */
  evaluateBlock(statements: readonly object[], environment: JinjaEnvironment): JinjaValue;
}

interface JinjaLibrary {
  Environment: new () => JinjaEnvironment;
  Interpreter: new (environment: JinjaEnvironment) => JinjaInterpreter;
  parse(tokens: readonly JinjaToken[]): object;
  tokenize(source: string, options: { lstrip_blocks: boolean; trim_blocks: boolean }): JinjaToken[];
}

export const { Environment, Interpreter, parse, tokenize } = library as unknown as JinjaLibrary;

/** As Transformers sets Jinja up: a block's own line leaves no blank line behind. */
export const blocks = { lstrip_blocks: true, trim_blocks: true };
