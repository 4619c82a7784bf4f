// What is counted, for Prometheus: by vLLM's names where the meaning is vLLM's, and our own for what hybrids add.
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { CallUsage, EndReason } from './answer/call.ts';
import type { Counters } from './engine-thread/protocol.ts';

const lengths = [1, 4, 16, 64, 256, 1024, 4096, 16_384, 65_536];
const seconds = [0.001, 0.004, 0.016, 0.064, 0.25, 1, 4, 16, 64, 256];

export class Metrics {
  readonly registry = new Registry();
  /** Where the counters of the thread stood, by model. */
  readonly #seen = new Map<Counter<string>, Map<string, number>>();

  readonly #running = this.#gauge('vllm:num_requests_running', 'Texts that are read or written now');
  readonly #waiting = this.#gauge('vllm:num_requests_waiting', 'Texts that wait for a place');
  readonly #cacheUse = this.#gauge('vllm:kv_cache_usage_perc', 'Share of the cache that is taken, from 0 to 1');
  readonly #queries = this.#counter(
    'vllm:prefix_cache_queries_total',
    'Prompt tokens that the prefix cache was asked for',
  );
  readonly #hits = this.#counter('vllm:prefix_cache_hits_total', 'Prompt tokens that came from the prefix cache');
  readonly #prompts = this.#counter('vllm:prompt_tokens_total', 'Prompt tokens');
  readonly #generated = this.#counter('vllm:generation_tokens_total', 'Tokens that were written');
  readonly #success = this.#counter('vllm:request_success_total', 'Answers, by how they ended', 'finished_reason');
  readonly #promptTokens = this.#histogram('vllm:request_prompt_tokens', 'Prompt tokens of a request', lengths);
  readonly #newTokens = this.#histogram('vllm:request_generation_tokens', 'Tokens written for a request', lengths);
  readonly #firstToken = this.#histogram(
    'vllm:time_to_first_token_seconds',
    'From the request to the first token',
    seconds,
  );
  readonly #interToken = this.#histogram('vllm:inter_token_latency_seconds', 'From a token to the next', seconds);
  readonly #whole = this.#histogram('vllm:e2e_request_latency_seconds', 'From the request to its last token', seconds);
  readonly #queue = this.#histogram('vllm:request_queue_time_seconds', 'Waiting for a place', seconds);
  readonly #prefill = this.#histogram('vllm:request_prefill_time_seconds', 'Reading the prompt', seconds);
  readonly #decode = this.#histogram('vllm:request_decode_time_seconds', 'Writing, from the first token', seconds);
  readonly #loaded = this.#gauge('tsumugi:model_loaded', 'Whether the model is in memory');
  readonly #weights = this.#gauge('tsumugi:weight_bytes', 'Bytes of the weights of its own that a model has in memory');
  readonly #draft = this.#gauge(
    'tsumugi:draft_bytes',
    "Bytes of the weights of a model's draft, and of what it may remember texts by",
  );
  readonly #cache = this.#gauge('tsumugi:cache_bytes', 'Bytes that texts and snapshots take');
  readonly #cacheLimit = this.#gauge('tsumugi:cache_limit_bytes', 'Bytes that they may take');
  readonly #snapshots = this.#gauge('tsumugi:snapshots', 'Snapshots of prefixes that are kept');
  readonly #preemptions = this.#counter(
    'vllm:num_preemptions_total',
    'Times that a text had to give its place back for want of memory',
  );
  readonly #stateMissing = this.#counter(
    'tsumugi:state_missing_total',
    'Prompts of which more was read before than a state was there for: attention matched, state missing',
  );
  readonly #proposals = this.#counter(
    'vllm:spec_decode_num_drafts_total',
    'Times that tokens were guessed for a text and checked',
  );
  readonly #proposed = this.#counter('vllm:spec_decode_num_draft_tokens_total', 'Tokens that were guessed and checked');
  readonly #accepted = this.#counter(
    'vllm:spec_decode_num_accepted_tokens_total',
    'Guesses that were the tokens that came',
  );
  readonly #evictions = this.#counter('tsumugi:evictions_total', 'Snapshots that had to make room');
  readonly #handles = new Gauge({ ...this.#named('tsumugi:live_handles', 'Live tensors of the engine thread') });
  readonly #restarts = new Counter({
    ...this.#named('tsumugi:engine_restarts_total', 'Times that the engine thread was started again'),
  });
  readonly #requests = new Counter({
    ...this.#named('tsumugi:http_requests_total', 'Requests, by route and status'),
    labelNames: ['route', 'status'],
  });

  readonly #byThread = [
    ...[this.#queries, this.#hits, this.#prompts, this.#generated],
    ...[this.#preemptions, this.#stateMissing, this.#evictions],
    ...[this.#proposals, this.#proposed, this.#accepted],
  ];

  constructor(models: readonly string[]) {
    collectDefaultMetrics({ register: this.registry });
    // Counters that nobody has moved yet are there, too.
    for (const model_name of models) {
      for (const counter of this.#byThread) counter.inc({ model_name }, 0);
      for (const finished_reason of ['stop', 'length', 'tool_calls'])
        this.#success.inc({ model_name, finished_reason }, 0);
    }
  }

  firstToken(model_name: string, milliseconds: number): void {
    this.#firstToken.observe({ model_name }, milliseconds / 1000);
  }

  token(model_name: string, milliseconds: number): void {
    this.#interToken.observe({ model_name }, milliseconds / 1000);
  }

  ended(model_name: string, finished_reason: EndReason): void {
    this.#success.inc({ model_name, finished_reason });
  }

  answered(model_name: string, { prompt, generated, timings }: CallUsage, milliseconds: number): void {
    const model = { model_name };
    this.#promptTokens.observe(model, prompt);
    this.#newTokens.observe(model, generated);
    this.#whole.observe(model, milliseconds / 1000);
    this.#queue.observe(model, timings.queued / 1000);
    this.#prefill.observe(model, timings.prefill / 1000);
    this.#decode.observe(model, timings.decode / 1000);
  }

  request(route: string, status: number): void {
    this.#requests.inc({ route, status: String(status) });
  }

  restarted(): void {
    this.#restarts.inc();
    this.#seen.clear();
  }

  /** What the engine's thread has counted. */
  count({ models, liveHandles }: Counters): void {
    this.#handles.set(liveHandles);
    for (const [model_name, each] of Object.entries(models)) {
      const model = { model_name };
      this.#running.set(model, each.running);
      this.#waiting.set(model, each.waiting);
      this.#loaded.set(model, Number(each.loaded));
      this.#weights.set(model, each.weightBytes);
      this.#draft.set(model, each.draftBytes);
      this.#cache.set(model, each.bytesUsed);
      this.#cacheLimit.set(model, each.bytesLimit);
      this.#cacheUse.set(model, each.bytesUsed / each.bytesLimit);
      this.#snapshots.set(model, each.snapshots);
      this.#advance(this.#queries, model_name, each.promptTokens);
      this.#advance(this.#hits, model_name, each.cachedTokens);
      this.#advance(this.#prompts, model_name, each.promptTokens);
      this.#advance(this.#generated, model_name, each.generatedTokens);
      this.#advance(this.#preemptions, model_name, each.preemptions);
      this.#advance(this.#stateMissing, model_name, each.stateMissing);
      this.#advance(this.#evictions, model_name, each.evictions);
      this.#advance(this.#proposals, model_name, each.proposals);
      this.#advance(this.#proposed, model_name, each.proposedTokens);
      this.#advance(this.#accepted, model_name, each.acceptedTokens);
    }
  }

  /** Brings a counter to where a thread has it: one that was started again begins at nothing. */
  #advance(counter: Counter<string>, model_name: string, value: number): void {
    const seen = this.#seen.get(counter)?.get(model_name) ?? 0;
    if (value > seen) counter.inc({ model_name }, value - seen);
    this.#seen.set(counter, (this.#seen.get(counter) ?? new Map()).set(model_name, value));
  }

  #named(name: string, help: string) {
    return { name, help, registers: [this.registry] };
  }

  #gauge(name: string, help: string) {
    return new Gauge({ ...this.#named(name, help), labelNames: ['model_name'] });
  }

  #counter(name: string, help: string, ...labels: string[]) {
    return new Counter({ ...this.#named(name, help), labelNames: ['model_name', ...labels] });
  }

  #histogram(name: string, help: string, buckets: number[]) {
    return new Histogram({ ...this.#named(name, help), labelNames: ['model_name'], buckets });
  }
}
