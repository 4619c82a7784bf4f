// What a service sent, as an object: JSON as it should be, JSON as Python writes it (NaN, -Infinity), or pieces of a stream that
// nobody asked for.
import { isObject, parseJson } from '../../base/index.ts';

/** Log-probabilities of the twenty best of each of ten thousand tokens. */
const MAX_VALUES = 2 ** 23;

export type JsonObject = Record<string, unknown>;

/** What came instead of an object. */
export type BodyFault = 'nothing' | 'a web page' | 'JSON that is cut off' | 'no JSON object';

export function readBody(text: string): { answer: JsonObject } | { fault: BodyFault } {
  const body = text.trim();
  if (body === '') return { fault: 'nothing' };
  if (body.startsWith('<')) return { fault: 'a web page' };
  if (/^(data|event|id|retry)?:/.test(body)) return readStream(body);
  const value = parse(body);
  // Some send an error as the only item of a list.
  const answer = Array.isArray(value) && value.length === 1 ? (value[0] as unknown) : value;
  if (isObject(answer)) return { answer };
  return { fault: value === undefined && /^[[{]/.test(body) ? 'JSON that is cut off' : 'no JSON object' };
}

/** undefined for what is no JSON. Numbers that JSON does not know become texts: "-Infinity". */
function parse(text: string): unknown {
  try {
    return parseJson(text, MAX_VALUES);
  } catch {
    const quoted = text.replace(/"(?:[^"\\]|\\.)*"|-?Infinity|NaN/g, (part) =>
      part.startsWith('"') ? part : `"${part}"`,
    );
    if (quoted === text) return undefined;
    try {
      return parseJson(quoted, MAX_VALUES);
    } catch {
      return undefined;
    }
  }
}

/** Server-sent events, put together to one answer. */
function readStream(body: string): { answer: JsonObject } | { fault: BodyFault } {
  const data = body.split(/\r?\n/).flatMap((line) => (line.startsWith('data:') ? [line.slice(5).trim()] : []));
  const chunks = data.filter((each) => each !== '[DONE]').map(parse);
  if (chunks.length === 0) return { fault: 'nothing' };
  if (!chunks.every(isObject)) return { fault: 'JSON that is cut off' };
  const failed = chunks.find(({ error }) => error !== undefined && error !== null);
  if (failed) return { answer: failed };
  const joined: JsonObject = { index: 0 };
  const message: JsonObject = {};
  for (const { choices } of chunks) {
    const choice = (Array.isArray(choices) ? choices : []).find((each) => isObject(each) && (each.index ?? 0) === 0);
    if (!choice) continue;
    if (typeof choice.text === 'string') joined.text = `${joined.text ?? ''}${choice.text}`;
    if (isObject(choice.message)) Object.assign(message, choice.message);
    for (const [key, value] of Object.entries(isObject(choice.delta) ? choice.delta : {}))
      message[key] = typeof value === 'string' && typeof message[key] === 'string' ? message[key] + value : value;
    for (const key of ['finish_reason', 'stop_reason']) if (choice[key] != null) joined[key] = choice[key];
  }
  // The last piece says how it ended: without one the stream was cut off.
  if (joined.finish_reason === undefined && data.at(-1) !== '[DONE]') return { fault: 'JSON that is cut off' };
  const usage = chunks.map((chunk) => chunk.usage).findLast(isObject);
  if (joined.text === undefined) joined.message = message;
  return { answer: { choices: [joined], ...(usage && { usage }) } };
}
