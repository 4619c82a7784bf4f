// Random mixes, a thousand in `npm run test:long`: what a request gets is the same, to the bit, alone and beside any others, whatever begins, ends, stops, is cancelled
// or has to wait for memory meanwhile, and whatever is shared.
import { expect, it } from 'vitest';
import { RandomStream } from '../../base/index.ts';
import { inTime } from '../../base/thorough.testing.ts';
import { liveHandles } from '../../torch/index.ts';
import { Engine, initialWeights, Plamo2 } from '../index.ts';
import { smallConfig } from '../lm.testing.ts';
import { PagedMemory } from './paged-memory.ts';
import type { EngineRequest } from './request.ts';
import { ask, someIds, type Written } from './writing.testing.ts';

const config = smallConfig({
  hidden_size: 32,
  intermediate_size: 32,
  num_hidden_layers: 2,
  mamba_num_heads: 2,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  full_attention_idx: [1],
});
const PIECE = 16;
const MIXES = inTime(150, 1000);

/** A request, and what becomes of it alone. */
interface Case {
  request: Partial<EngineRequest>;
  alone: Pick<Written, 'ids' | 'logprobs' | 'reason'>;
}

function draw(model: Plamo2, random: RandomStream): Case {
  const pick = <T>(values: readonly T[]): T => values[random.below(values.length)]!;
  const start = someIds(pick([0, 0, 34, 50]), random.below(2));
  const prompt = [...start, ...someIds(1 + random.below(9), random.below(50))];
  const request: Partial<EngineRequest> = {
    prompt,
    logprobs: 3,
    maxTokens: random.below(12) === 0 ? 90 : random.below(14),
    ...(random.below(2) === 0 && { temperature: pick([0.7, 1, 2]), seed: random.below(100) }),
    ...(random.below(4) === 0 && { topP: 0.8 }),
    ...(random.below(4) === 0 && { topK: 5 }),
    ...(random.below(4) === 0 && { repetitionPenalty: pick([0.8, 1.3]) }),
    ...(random.below(4) === 0 && { vocabularyLimit: 250 }),
    ...(random.below(3) === 0 && { stopIds: Array.from({ length: 20 }, () => random.below(300)) }),
    ...(start.length > 0 && random.below(2) === 0 && { boundaries: [start.length] }),
    ...(random.below(3) === 0 && { cacheSalt: pick(['a', 'b']) }),
    ...(random.below(3) === 0 && { remember: true }),
  };
  using engine = new Engine(model, { slots: 1, prefillChunk: PIECE });
  const { ids, logprobs, reason } = finish(engine, ask(engine, request));
  return { request, alone: { ids, logprobs, reason: reason! } };
}

/** Forecasts that a text takes as little as one of a token: so many begin, and have to wait for others later. */
class HopefulMemory extends PagedMemory {
  override bytesFor(): number {
    return super.bytesFor(1);
  }
}

/** What the longest text takes. */
function longest(model: Plamo2): number {
  using memory = new PagedMemory(model, 1 << 30, PIECE);
  return memory.bytesFor(59 + 90);
}

function finish(engine: Engine, written: Written): Written {
  while (engine.busy) engine.step();
  return written;
}

it(`${MIXES} mixes`, () => {
  using model = new Plamo2(config, initialWeights(8));
  const random = new RandomStream(12);
  const cases = Array.from({ length: inTime(40, 120) }, () => draw(model, random));
  expect(new Set(cases.map(({ alone }) => alone.reason))).toEqual(new Set(['end', 'length']));
  const one = longest(model);
  const before = liveHandles();
  const counts = { whole: 0, cancelled: 0, stopped: 0, cached: 0, preempted: 0, evicted: 0 };
  for (let mix = 0; mix < MIXES; mix++) {
    const cacheBytes = [one, Math.floor(1.3 * one), 1 << 30][random.below(3)]!;
    const options = {
      slots: 1 + random.below(5),
      prefillChunk: PIECE,
      ...(random.below(2) === 0 && { snapshotEvery: PIECE * (1 + random.below(3)) }),
    };
    using engine = new Engine(model, options, new HopefulMemory(model, cacheBytes, PIECE));
    const waiting = Array.from({ length: 1 + random.below(6) }, () => cases[random.below(cases.length)]!);
    const running: { each: Case; written: Written; stopAt: number; cancelAt: number }[] = [];
    for (let step = 0; waiting.length > 0 || engine.busy; step++) {
      while (waiting.length > 0 && (random.below(3) === 0 || !engine.busy)) {
        const each = waiting.pop()!;
        const stopAt = random.below(4) === 0 ? 1 + random.below(8) : Number.POSITIVE_INFINITY;
        const cancelAt = random.below(4) === 0 ? step + random.below(20) : Number.POSITIVE_INFINITY;
        const written: Written = ask(engine, {
          ...each.request,
          onId(id, logprobs) {
            written.logprobs.push(logprobs);
            return written.ids.push(id) === stopAt;
          },
        });
        running.push({ each, written, stopAt, cancelAt });
      }
      for (const { written, cancelAt } of running) if (cancelAt === step) written.job.cancel();
      engine.step();
    }
    for (const { each, written, stopAt, cancelAt } of running) {
      const where = `mix ${mix}: ${JSON.stringify(each.request)}`;
      const { ids, logprobs, reason } = each.alone;
      expect('error' in written, where).toBe(false);
      expect(written.ids, where).toEqual(ids.slice(0, written.ids.length));
      expect(written.logprobs, where).toEqual(logprobs.slice(0, written.ids.length));
      counts.cached += Number((written.usage?.cached ?? 0) > 0);
      if (written.reason === undefined) {
        expect(cancelAt, where).toBeLessThan(1000);
        counts.cancelled++;
      } else if (stopAt <= ids.length) {
        expect([written.ids.length, written.reason], where).toEqual([stopAt, 'stop']);
        counts.stopped++;
      } else {
        expect([written.ids.length, written.reason], where).toEqual([ids.length, reason]);
        counts.whole++;
      }
    }
    counts.preempted += engine.counters.preemptions;
    counts.evicted += engine.counters.evictions;
    engine[Symbol.dispose]();
    expect(liveHandles()).toBe(before);
  }
  // All of it happened, often.
  for (const [what, count] of Object.entries(counts)) expect(count, what).toBeGreaterThan(MIXES / 20);
});
