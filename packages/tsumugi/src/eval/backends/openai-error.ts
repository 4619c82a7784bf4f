// What a service says went wrong, whatever the shape it says it in, and the HTTP status that this amounts to.
import { isObject, UserError } from '../../base/index.ts';
import type { JsonObject } from './openai-body.ts';

/** The service refused, failed or did not answer. `fields.status` is the HTTP status, or what an error inside a 200 amounts to. */
export class EndpointError extends UserError {
  override name = 'EndpointError';

  /** Whether the service said no to the path or to something in the request, rather than to who asks or to the model. */
  get refused(): boolean {
    return this.code !== 'unknown-model' && [400, 404, 405, 422, 500, 501].includes(this.fields.status as number);
  }

  /** Whether it may be this one prompt that the service does not answer. */
  get ofPrompt(): boolean {
    return ['endpoint-refused', 'endpoint-filtered', 'endpoint-empty'].includes(this.code);
  }
}

export interface Said {
  message: string;
  /** All the short words for it: code, type, status. */
  words: string;
  /** The number among them. */
  number: number | undefined;
  /** The parameter that it is about. */
  param: string | undefined;
}

/** Whether a value means that there is no error. */
const isNone = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  value === false ||
  value === '' ||
  (isObject(value) && Object.values(value).every((each) => each === null || each === ''));

/** What an answer with a good status says of an error inside; undefined when there is none. */
export function errorInside(answer: JsonObject): Said | undefined {
  if (!isNone(answer.error)) return saidIn(answer);
  if (answer.object === 'error' || answer.type === 'error') return saidIn(answer);
  const choice: unknown = Array.isArray(answer.choices) ? answer.choices[0] : undefined;
  if (!isObject(choice)) return undefined;
  if (!isNone(choice.error)) return saidIn({ error: choice.error });
  const broken =
    typeof choice.finish_reason === 'string' && /^(error|abort(ed)?|cancell?ed)$/i.test(choice.finish_reason);
  return broken ? { ...saidIn({}), message: `the answer ended with "${choice.finish_reason}"` } : undefined;
}

/** Most follow OpenAI's { error: { message, type, param, code } }; some say { message }, { detail } or { errors }. */
export function saidIn(answer: JsonObject | undefined): Said {
  const { error, detail, errors } = answer ?? {};
  const body = isObject(error) ? error : (answer ?? {});
  const first = typeof error === 'string' ? error : (body.message ?? body.msg ?? detail ?? errors);
  const short = [body.code, body.type, body.status, typeof error === 'string' ? error : undefined];
  const number = short.map((each) => (/^[45]\d\d$/.test(String(each)) ? Number(each) : undefined)).find(Boolean);
  return {
    message: first === undefined || first === null ? '' : typeof first === 'string' ? first : itemsOf(first),
    words: short.filter((each) => typeof each === 'string').join(' '),
    number,
    param: typeof body.param === 'string' ? body.param : undefined,
  };
}

/** A validator's list of { loc, msg }, without the request that it repeats. */
function itemsOf(value: unknown): string {
  if (!Array.isArray(value)) return JSON.stringify(value);
  return value
    .map((item: unknown) => {
      if (!isObject(item)) return typeof item === 'string' ? item : JSON.stringify(item);
      const place = Array.isArray(item.loc) ? `'${item.loc.at(-1)}': ` : '';
      return `${place}${item.msg ?? item.message ?? JSON.stringify(item)}`;
    })
    .join('; ');
}

const meanings: readonly (readonly [RegExp, number])[] = [
  [/insufficient.?(quota|credit|balance|fund)|billing|payment/i, 402],
  [/rate.?limit|too.?many.?requests|resource.?exhausted|throttl/i, 429],
  [/overload|capacity|unavailable|server.?error|internal|bad.?gateway|time.?d?.?out|try again|upstream/i, 503],
  [/authenticat|api.?key|unauthor/i, 401],
  [/permission|forbidden|access denied/i, 403],
  [/not.?found|does not exist/i, 404],
  [/invalid|bad.?request|context.?length|unsupported|too long|maximum/i, 400],
];

/** The HTTP status that an error inside a 200 stands for; 502, as of a broken proxy, where nothing tells. */
export function statusOf({ number, words, message }: Said): number {
  const means = (text: string) => meanings.find(([pattern]) => pattern.test(text))?.[1];
  return number ?? means(words) ?? means(message) ?? 502;
}

const filtered =
  /content[ _-]?(filter|policy|management)|ResponsibleAI|moderation|flagged|safety (system|filter|setting)|data_inspection/i;

/** Whether a content filter turned the prompt away. */
export const isFiltered = ({ words, message }: Said): boolean => filtered.test(words) || filtered.test(message);

/** Whether it is the model's name that the service does not know. */
export const isUnknownModel = ({ words, message }: Said): boolean =>
  /model_not_found|invalid_model/i.test(words) ||
  /\bmodel\b.{0,80}(not (be )?found|does not exist|not exist|unknown|not a valid|not available)|(invalid|unknown|no such) model|not a valid model|no model/i.test(
    message,
  );
