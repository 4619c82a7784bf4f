// What a call took, in OpenAI's words.
import type { CallUsage } from '../answer/call.ts';

export interface OpenaiUsage {
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
  /** `cached_reason` is ours: why not more came from the cache. */
  prompt_tokens_details: { cached_tokens: number; cached_reason?: string };
}

export const usageOf = (usages: readonly CallUsage[]): OpenaiUsage => {
  const sum = (of: (usage: CallUsage) => number) => usages.reduce((total, usage) => total + of(usage), 0);
  const [prompt, generated] = [sum((each) => each.prompt), sum((each) => each.generated)];
  const reason = usages.find(({ cachedReason }) => cachedReason !== undefined)?.cachedReason;
  return {
    prompt_tokens: prompt,
    completion_tokens: generated,
    total_tokens: prompt + generated,
    prompt_tokens_details: {
      cached_tokens: sum((each) => each.cached),
      ...(reason !== undefined && { cached_reason: reason }),
    },
  };
};
