// Functions that hold something only while a body runs (a mode, a scope, an open file). A body that goes on after it has
// returned would go on without it, and without a word.
import { UserError } from './errors.ts';

/** The tags of functions whose body runs later than the call. */
const later: Readonly<Record<string, string>> = {
  AsyncFunction: 'an async function',
  GeneratorFunction: 'a generator function',
  AsyncGeneratorFunction: 'an async generator function',
};

const awaitFirst = 'Await before it, and put only what is synchronous inside.';
const bracketSteps = 'Call it inside the generator, around each step that needs it.';

function refuse(what: string, found: string, remedy: string): never {
  throw new UserError('not-synchronous', `${what}: the body must be synchronous, ${found}`, { remedy });
}

const hasMethod = (value: object, name: string) =>
  name in value && typeof (value as Record<string, unknown>)[name] === 'function';

/**
 * The result of `body(...given)`.
 *
 * @throws UserError for a function that is async or a generator, before it runs; and for a result that is a promise or an
 *   iterator, whose work would be done later
 */
export function synchronous<A extends unknown[], T>(what: string, body: (...given: A) => T, ...given: A): T {
  const tag = (body as { [Symbol.toStringTag]?: string })[Symbol.toStringTag];
  if (tag !== undefined && tag in later)
    refuse(what, `it is ${later[tag]}`, tag === 'AsyncFunction' ? awaitFirst : bracketSteps);
  const result = body(...given);
  if (typeof result !== 'object' || result === null) return result;
  if (hasMethod(result, 'then')) {
    Promise.resolve(result).catch(() => {}); // this error says it; a rejection nobody hears would end the process
    refuse(what, 'it returned a promise', awaitFirst);
  }
  if (hasMethod(result, 'next') && (Symbol.iterator in result || Symbol.asyncIterator in result))
    refuse(what, 'it returned an iterator', bracketSteps);
  return result;
}
