// Hundreds of random mixes: what a request gets is the same alone and beside any others, whatever begins, ends, stops or is
// cancelled meanwhile, whatever is shared, and however prompts are cut into pieces.
import { expect, it } from 'vitest';
import { RandomStream } from '../../base/index.ts';
import { liveHandles } from '../../torch/index.ts';
import { Engine, generateIds, initialWeights, Plamo2 } from '../index.ts';
import { smallConfig } from '../lm.testing.ts';
import type { GenerateOptions } from './request.ts';
import { ask, someIds, type Written } from './writing.testing.ts';

const config = smallConfig({
  hidden_size: 32,
  intermediate_size: 32,
  num_hidden_layers: 2,
  mamba_num_heads: 2,
  num_attention_heads: 2,
  num_key_value_heads: 1,
});

/** A request, and what becomes of it alone. */
interface Case {
  prompt: number[];
  options: GenerateOptions;
  remember: boolean;
  ids: number[];
  reason: string;
}

function draw(model: Plamo2, random: RandomStream): Case {
  const pick = <T>(values: readonly T[]): T => values[random.below(values.length)]!;
  const prompt = [...someIds(pick([0, 0, 34, 70]), random.below(2)), ...someIds(1 + random.below(9), random.below(50))];
  const options: GenerateOptions = {
    maxTokens: random.below(16),
    ...(random.below(2) === 0 && { temperature: pick([0.7, 1, 2]), seed: random.below(100) }),
    ...(random.below(4) === 0 && { topP: 0.8 }),
    ...(random.below(4) === 0 && { topK: 5 }),
    ...(random.below(4) === 0 && { repetitionPenalty: pick([0.8, 1.3]) }),
    ...(random.below(4) === 0 && { vocabularyLimit: 250 }),
    ...(random.below(3) === 0 && { stopIds: Array.from({ length: 20 }, () => random.below(300)) }),
  };
  const writing = generateIds(model, prompt, options);
  const ids: number[] = [];
  let next = writing.next();
  for (; !next.done; next = writing.next()) ids.push(next.value);
  return { prompt, options, remember: random.below(3) === 0, ids, reason: next.value };
}

it('300 mixes', () => {
  using model = new Plamo2(config, initialWeights(8));
  const random = new RandomStream(12);
  const cases = Array.from({ length: 150 }, () => draw(model, random));
  expect(new Set(cases.map(({ reason }) => reason))).toEqual(new Set(['end', 'length']));
  const before = liveHandles();
  const counts = { whole: 0, cancelled: 0, stopped: 0, cached: 0 };
  for (let mix = 0; mix < 300; mix++) {
    const prefixBytes = [0, 40_000, 1 << 30][random.below(3)]!;
    using engine = new Engine(model, { slots: 1 + random.below(5), prefillChunk: 1 + random.below(40), prefixBytes });
    const waiting = Array.from({ length: 1 + random.below(8) }, () => cases[random.below(cases.length)]!);
    const running: { each: Case; written: Written; stopAt: number; cancelAt: number }[] = [];
    for (let step = 0; waiting.length > 0 || engine.busy; step++) {
      while (waiting.length > 0 && (random.below(3) === 0 || !engine.busy)) {
        const each = waiting.pop()!;
        const stopAt = random.below(4) === 0 ? 1 + random.below(8) : Number.POSITIVE_INFINITY;
        const cancelAt = random.below(4) === 0 ? step + random.below(20) : Number.POSITIVE_INFINITY;
        const written: Written = ask(engine, {
          ...each.options,
          prompt: each.prompt,
          remember: prefixBytes > 0 && each.remember,
          onId: (id) => written.ids.push(id) === stopAt,
        });
        running.push({ each, written, stopAt, cancelAt });
      }
      for (const { written, cancelAt } of running) if (cancelAt === step) written.job.cancel();
      engine.step();
    }
    for (const { each, written, stopAt, cancelAt } of running) {
      const where = `mix ${mix}: ${JSON.stringify(each)}`;
      expect('error' in written, where).toBe(false);
      counts.cached += Number((written.usage?.cached ?? 0) > 0);
      if (written.reason === undefined) {
        expect(cancelAt, where).toBeLessThan(1000);
        expect(written.ids, where).toEqual(each.ids.slice(0, written.ids.length));
        counts.cancelled++;
      } else if (stopAt <= each.ids.length) {
        expect([written.ids, written.reason], where).toEqual([each.ids.slice(0, stopAt), 'stop']);
        counts.stopped++;
      } else {
        expect([written.ids, written.reason], where).toEqual([each.ids, each.reason]);
        counts.whole++;
      }
    }
    engine[Symbol.dispose]();
    expect(liveHandles()).toBe(before);
  }
  // All of it happened, often.
  for (const [what, count] of Object.entries(counts)) expect(count, what).toBeGreaterThan(50);
});
