// Where a template is wrong. The reader of @huggingface/jinja says what, and keeps no places: the place of a token that could not be
// read is found by reading beginnings of the text, that of a token out of place by walking the text along the tokens.
import { blocks, type JinjaToken, parse, tokenize } from './jinja-library.ts';

export interface TemplateFault {
  line: number;
  column: number;
  fault: string;
}

/** @param error what `tokenize` or `parse` threw for this text */
export function faultOf(source: string, error: Error): TemplateFault {
  const tokens = tryTokens(source);
  const place = Array.isArray(tokens) ? placeOf(source, tokens, lastLooked(tokens)) : unreadablePlace(source);
  const before = source.slice(0, place).split('\n');
  // What the parser meets behind the last token is undefined.
  const ends = place >= source.length || error instanceof TypeError;
  const fault = ends ? `it ends too early (${unclosed(error)})` : error.message.replace(/^Parser Error: /, '');
  return { line: before.length, column: before.at(-1)!.length + 1, fault };
}

const unclosed = ({ message }: Error): string =>
  /undefined/.test(message) ? 'a block or an expression is not closed' : message;

function tryTokens(source: string): JinjaToken[] | Error {
  try {
    return tokenize(source, blocks);
  } catch (error) {
    return error as Error;
  }
}

/** The index of the token that the parser looked at last. */
function lastLooked(tokens: JinjaToken[]): number {
  let last = 0;
  const watched = new Proxy(tokens, {
    get(target, key) {
      if (typeof key === 'string' && /^\d+$/.test(key)) last = Number(key);
      return Reflect.get(target, key);
    },
  });
  try {
    parse(watched);
  } catch {
    return last;
  }
  return last;
}

const unfinished = /end of input|Missing end of comment/;

/** The end of the shortest beginning that cannot be read for another reason than that it ends. */
function unreadablePlace(source: string): number {
  const wrong = (length: number) => {
    const found = tryTokens(source.slice(0, length));
    return !Array.isArray(found) && !unfinished.test(found.message);
  };
  if (!wrong(source.length)) return source.length;
  let [readable, end] = [0, source.length];
  while (end - readable > 1) {
    const middle = (readable + end) >> 1;
    if (wrong(middle)) end = middle;
    else readable = middle;
  }
  return end - 1;
}

/** The place of token `index`. */
function placeOf(source: string, tokens: readonly JinjaToken[], index: number): number {
  if (index >= tokens.length) return source.length;
  let place = 0;
  for (const [i, { type, value }] of tokens.entries()) {
    let start = place;
    switch (type) {
      case 'Text':
        break; // what follows it is the next tag
      case 'Comment':
        start = source.indexOf('{#', place);
        place = source.indexOf('#}', start) + 2;
        break;
      case 'StringLiteral': {
        const quote = /['"]/g;
        quote.lastIndex = place;
        start = quote.exec(source)!.index;
        place = endOfString(source, start);
        break;
      }
      case 'OpenStatement':
        start = openStatement(source, place);
        place = start + 2;
        break;
      default:
        start = source.indexOf(value, place);
        place = start + value.length;
    }
    if (i === index) return start;
  }
  return source.length;
}

function endOfString(source: string, start: number): number {
  let place = start + 1;
  while (source[place] !== source[start]) place += source[place] === '\\' ? 2 : 1;
  return place + 1;
}

/** The next statement that is not `generation`, which is taken out before templates are read. */
function openStatement(source: string, from: number): number {
  let place = source.indexOf('{%', from);
  while (/^\{%-?\s*(?:end)?generation\s*-?%\}/.test(source.slice(place, place + 200)))
    place = source.indexOf('{%', place + 2);
  return place;
}
