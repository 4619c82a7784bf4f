// The header that tells how much of a prompt came from the cache, before the answer's end does.
import type { Answering } from './call.ts';

/** A long prompt is read for minutes: then the answer begins without the header. */
const PATIENCE = 5000;

/** `x-tsumugi-cached: 512/600 rest-is-new` */
export async function cachedHeader(answers: readonly Answering[]): Promise<Record<string, string>> {
  const { promise: late, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(resolve, PATIENCE, undefined);
  const begun = await Promise.race([Promise.all(answers.map((each) => each.begun)), late]);
  clearTimeout(timer);
  if (begun === undefined || begun.includes(undefined)) return {};
  const cached = begun.reduce((sum, each) => sum + each!.cached, 0);
  const prompt = answers.reduce((sum, { promptTokens }) => sum + promptTokens, 0);
  const reason = begun.find((each) => each!.cachedReason !== undefined)?.cachedReason;
  return { 'x-tsumugi-cached': `${cached}/${prompt}${reason === undefined ? '' : ` ${reason}`}` };
}
