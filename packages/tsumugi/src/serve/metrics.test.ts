// What is counted: in seconds and tokens, once each, and going on where an engine begins at nothing again.
import { expect, it } from 'vitest';
import type { ModelCounters } from './engine-thread/protocol.ts';
import { Metrics } from './metrics.ts';
import { metricsRoute } from './metrics-route.ts';
import type { Serving } from './serving.ts';

const counted: ModelCounters = {
  ...{ preemptions: 1, promptTokens: 100, cachedTokens: 40, readTokens: 60, generatedTokens: 30 },
  ...{ proposedTokens: 8, acceptedTokens: 5, prefixQueries: 7, prefixHits: 3, stateMissing: 2, evictions: 4 },
  ...{ running: 5, waiting: 6, snapshots: 9, bytesUsed: 250, bytesLimit: 1000, loaded: true, weightBytes: 777 },
  ...{ proposals: 3, draftBytes: 55 },
};
/** Name and labels → value, of all that is not of the process. */
async function values(metrics: Metrics): Promise<Record<string, number>> {
  const lines = (await metrics.registry.metrics()).matchAll(/^((?:vllm|tsumugi):\w+)(?:\{(.*)\})? (\S+)$/gm);
  return Object.fromEntries(
    [...lines].map(([, name, labels = '', value]) => [`${name} ${labels}`.trim(), Number(value)]),
  );
}
const of = (name: string, more = '') => `${name} model_name="m"${more}`;

it('tells how the engine of a model stands, by the names of vLLM', async () => {
  const metrics = new Metrics(['m']);
  metrics.count({ models: { m: counted }, liveHandles: 12 });
  expect(await values(metrics)).toMatchObject({
    [of('vllm:num_requests_running')]: 5,
    [of('vllm:num_requests_waiting')]: 6,
    [of('vllm:kv_cache_usage_perc')]: 0.25,
    [of('vllm:prefix_cache_queries_total')]: 100,
    [of('vllm:prefix_cache_hits_total')]: 40,
    [of('vllm:prompt_tokens_total')]: 100,
    [of('vllm:generation_tokens_total')]: 30,
    [of('vllm:num_preemptions_total')]: 1,
    [of('vllm:spec_decode_num_drafts_total')]: 3,
    [of('vllm:spec_decode_num_draft_tokens_total')]: 8,
    [of('vllm:spec_decode_num_accepted_tokens_total')]: 5,
    [of('tsumugi:state_missing_total')]: 2,
    [of('tsumugi:evictions_total')]: 4,
    [of('tsumugi:model_loaded')]: 1,
    [of('tsumugi:weight_bytes')]: 777,
    [of('tsumugi:draft_bytes')]: 55,
    [of('tsumugi:cache_bytes')]: 250,
    [of('tsumugi:cache_limit_bytes')]: 1000,
    [of('tsumugi:snapshots')]: 9,
    'tsumugi:live_handles': 12,
  });
});

it('counts on from where it was, also behind an engine that was started again', async () => {
  const metrics = new Metrics(['m']);
  const tell = (generatedTokens: number) =>
    metrics.count({ models: { m: { ...counted, generatedTokens } }, liveHandles: 0 });
  const total = async () => (await values(metrics))[of('vllm:generation_tokens_total')];
  expect(await total()).toBe(0); // nobody has moved it, and it is there
  for (const count of [30, 30, 50]) tell(count);
  expect(await total()).toBe(50);
  metrics.restarted();
  tell(60);
  expect(await total()).toBe(110);
  expect((await values(metrics))['tsumugi:engine_restarts_total']).toBe(1);
});

it('counts answers by their ends, and times in seconds', async () => {
  const metrics = new Metrics(['m']);
  metrics.firstToken('m', 500);
  metrics.token('m', 20);
  metrics.ended('m', 'stop');
  metrics.ended('m', 'length');
  metrics.ended('m', 'stop');
  const timings = { queued: 1000, prefill: 2000, decode: 3000 };
  metrics.answered('m', { prompt: 70, cached: 4, generated: 9, timings }, 6500);
  expect(await values(metrics)).toMatchObject({
    [of('vllm:time_to_first_token_seconds_sum')]: 0.5,
    [of('vllm:inter_token_latency_seconds_sum')]: 0.02,
    [of('vllm:request_success_total', ',finished_reason="stop"')]: 2,
    [of('vllm:request_success_total', ',finished_reason="length"')]: 1,
    [of('vllm:request_success_total', ',finished_reason="tool_calls"')]: 0,
    [of('vllm:request_prompt_tokens_sum')]: 70,
    [of('vllm:request_generation_tokens_sum')]: 9,
    [of('vllm:e2e_request_latency_seconds_sum')]: 6.5,
    [of('vllm:request_queue_time_seconds_sum')]: 1,
    [of('vllm:request_prefill_time_seconds_sum')]: 2,
    [of('vllm:request_decode_time_seconds_sum')]: 3,
  });
});

it('is sent as Prometheus reads it, with what the engine says now', async () => {
  const metrics = new Metrics(['m']);
  const serving = { metrics, counters: async () => ({ models: { m: counted }, liveHandles: 3 }) };
  const response = await metricsRoute.answer({} as never, serving as unknown as Serving);
  expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  expect(await response.text()).toContain('tsumugi:live_handles 3\n');
});
