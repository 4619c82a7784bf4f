// Templates in Jinja, read and run by @huggingface/jinja. They come with downloaded models, so they are programs of strangers: they
// reach no file, no network and no clock, and what they may do is counted. See docs/security.md.
import { FormatError } from '../../base/index.ts';
import {
  MAX_CHARACTERS,
  MAX_TEMPLATE_BLANKS,
  MAX_TEMPLATE_CHARACTERS,
  MAX_TEMPLATE_LIST,
  MAX_TEMPLATE_STEPS,
  MAX_TEMPLATE_VOLUME,
} from '../limits.ts';
import {
  blocks,
  Environment,
  Interpreter,
  type JinjaEnvironment,
  type JinjaValue,
  parse,
  tokenize,
} from './jinja-library.ts';
import { faultOf } from './jinja-place.ts';

/** What a template says with `raise_exception`: its own words to whoever gave it the conversation. */
export class TemplateRefusal extends Error {}
/** A template that goes beyond what rendering takes. */
export class TemplateExcess extends Error {}

/** @throws FormatError for what is no Jinja, with line and column */
export function compileTemplate(source: string, where: string): object {
  const refuse = (fault: string, remedy: string) =>
    new FormatError('chat-template', `${where} ${fault}`, { remedy, fields: { where } });
  const get = 'Get it again from where the model came from, or name a template with --template.';
  if (source.length > MAX_TEMPLATE_CHARACTERS)
    throw refuse(`has ${source.length} characters, more than the ${MAX_TEMPLATE_CHARACTERS} of a chat template`, get);
  if (!source.isWellFormed()) throw refuse('holds half of a surrogate pair, which is no character', get);
  // The lexer looks for a tag behind each blank of a run, from each blank of it.
  if (new RegExp(`\\s{${MAX_TEMPLATE_BLANKS}}`).test(source))
    throw refuse(`has ${MAX_TEMPLATE_BLANKS} blanks in a row, which no chat template has`, get);
  try {
    return parse(tokenize(source, blocks));
  } catch (error) {
    const { line, column, fault } = faultOf(source, error as Error);
    throw refuse(`is not Jinja: line ${line}, column ${column}: ${fault}`, get);
  }
}

/** What `compileTemplate` gave, run with these variables. @throws TemplateRefusal, TemplateExcess; Error for a fault in the template */
export function runTemplate(program: object, variables: Readonly<Record<string, unknown>>): string {
  const environment = new Environment();
  const constants = { false: false, true: true, none: null, False: false, True: true, None: null };
  for (const [name, value] of Object.entries({ ...constants, ...functions, ...variables }))
    environment.set(name, value);
  try {
    return String(new CountingInterpreter(environment).run(program).value);
  } catch (error) {
    // Too deep a recursion, or a string or an array larger than the engine makes.
    if (error instanceof RangeError) throw new TemplateExcess(error.message);
    throw error;
  }
}

const functions = {
  raise_exception(words: unknown) {
    throw new TemplateRefusal(String(words));
  },
  range(start: number, stop?: number, step = 1): number[] {
    const [from, to] = stop === undefined ? [0, start] : [start, stop];
    const length = Math.max(0, Math.ceil((to - from) / step));
    if (!(length <= MAX_TEMPLATE_LIST)) throw new TemplateExcess(`range() of ${length} numbers`);
    return Array.from({ length }, (_, i) => from + i * step);
  },
  /** Not there: with the date in it, a prompt would be another one tomorrow. Templates that ask whether it is there do without. */
  strftime_now: undefined,
};

/** Counts the steps of a template, the characters that pass through them, and what a value holds. */
class CountingInterpreter extends Interpreter {
  #steps = 0;
  #volume = 0;
  /** Of lists and mappings, which do not change. */
  readonly #weights = new WeakMap<object, number>();

  override evaluate(statement: object | undefined, environment: JinjaEnvironment): JinjaValue {
    this.#step();
    const result = super.evaluate(statement, environment);
    const { value } = result;
    if (typeof value === 'string') this.#pass(value.length);
    else if (typeof value === 'object' && value !== null) {
      if (Array.isArray(value) && value.length > MAX_TEMPLATE_LIST)
        throw new TemplateExcess(`a list of ${value.length} values`);
      this.#weigh(result);
      // Sorting or joining a list goes through its strings.
      if (Array.isArray(value)) for (const each of value as JinjaValue[]) this.#pass(lengthOf(each.value));
    }
    return result;
  }

  override evaluateBlock(statements: readonly object[], environment: JinjaEnvironment): JinjaValue {
    this.#step();
    return super.evaluateBlock(statements, environment);
  }

  #step(): void {
    if (++this.#steps > MAX_TEMPLATE_STEPS) throw new TemplateExcess(`more than ${MAX_TEMPLATE_STEPS} steps`);
  }

  #pass(characters: number): void {
    this.#volume += characters;
    if (this.#volume > MAX_TEMPLATE_VOLUME) throw new TemplateExcess(`more than ${MAX_TEMPLATE_VOLUME} characters`);
  }

  /** Characters and values in a value; a list that holds another twice has it twice, as it would be written. */
  #weigh({ type, value }: JinjaValue): number {
    if (typeof value !== 'object' || value === null) return lengthOf(value);
    const known = this.#weights.get(value);
    if (known !== undefined) return known;
    this.#pass(64);
    let weight = 1;
    for (const each of (value as readonly JinjaValue[] | ReadonlyMap<string, JinjaValue>).values()) {
      weight += this.#weigh(each);
      if (weight > MAX_CHARACTERS) throw new TemplateExcess(`a list of more than ${MAX_CHARACTERS} characters`);
    }
    // A namespace is filled later.
    if (type !== 'NamespaceValue') this.#weights.set(value, weight);
    return weight;
  }
}

const lengthOf = (value: unknown): number => (typeof value === 'string' ? value.length : 1);
