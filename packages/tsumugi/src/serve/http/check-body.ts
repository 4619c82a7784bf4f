// What a route's schema makes of a body. Clients send many fields that mean nothing here: those are let through and named in the answer's
// `x-tsumugi-ignored`. One that is nearly the name of a field is a slip, which would change the answer in silence: it is refused.
import { z } from 'zod';
import { editDistance, innermostIssue, isObject, issueText } from '../../base/index.ts';
import { badRequest } from './http-error.ts';

/** Fields of OpenAI's and other servers' APIs that are near to ours and mean something else. */
const foreign = new Set(['top_a', 'top_n', 'store', 'stops', 'mode', 'tool', 'tfs_z', 'typical_p']);
const LONGEST_SLIP = 2;

export interface CheckedBody {
  readonly body: unknown;
  /** Fields that nobody reads. */
  readonly ignored: readonly string[];
}

/** @throws HttpError 400 naming the field */
export function checkBody(schema: z.ZodType, value: unknown): CheckedBody {
  if (!isObject(value)) throw badRequest('invalid_body', 'the body must be a JSON object');
  const known = schema instanceof z.ZodObject ? Object.keys(schema.shape) : undefined;
  const ignored = known ? Object.keys(value).filter((name) => !known.includes(name)) : [];
  for (const name of ignored) {
    const near = name.length < 4 || foreign.has(name) ? undefined : slipOf(name, known!);
    if (near !== undefined && value[near] === undefined)
      throw badRequest('unknown_field', `there is no field ${JSON.stringify(name)}`, name, `Did you mean "${near}"?`);
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return { body: parsed.data, ignored };
  const issue = parsed.error.issues[0]!;
  throw badRequest(
    'invalid_field',
    issueText(issue, value),
    innermostIssue(issue).path.map(String).join('.') || undefined,
  );
}

const slipOf = (name: string, known: readonly string[]): string | undefined =>
  known.find(
    (each) =>
      each.length > 3 &&
      editDistance(each.toLowerCase(), name.toLowerCase()) <= Math.min(LONGEST_SLIP, name.length / 3),
  );
