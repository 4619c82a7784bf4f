// What a text is held to while it is written: penalties, bias, an end that comes no earlier, a constraint.
import { expect, it } from 'vitest';
import { UserError } from '../../base/index.ts';
import { liveHandles } from '../../torch/index.ts';
import type { TokenConstraint } from '../constraint/token-constraint.ts';
import { initialWeights, Plamo2 } from '../index.ts';
import { smallConfig } from '../lm.testing.ts';
import type { Logits } from '../sampling.ts';
import { Engine } from './engine.ts';
import type { EngineRequest } from './request.ts';
import { ask, someIds, writeAll } from './writing.testing.ts';

const small = () => new Plamo2(smallConfig(), initialWeights(3));
const prompt = someIds(5);
const write = (model: Plamo2, request: Partial<EngineRequest>) =>
  writeAll(model, [{ prompt, maxTokens: 12, ...request }])[0]!;

/** Lets these ids come, in this order, and the ends of the text after the last. */
class Script implements TokenConstraint {
  readonly log: string[] = [];
  readonly #script: readonly number[];
  readonly #mayEnd: boolean;
  #place = 0;

  constructor(script: readonly number[], mayEnd = false) {
    this.#script = script;
    this.#mayEnd = mayEnd;
  }

  get finished(): boolean {
    return this.#place === this.#script.length && !this.#mayEnd;
  }

  mask(logits: Logits): void {
    const next = this.#script[this.#place];
    for (let id = 0; id < logits.length; id++) if (id !== next && next !== undefined) logits[id] = -Infinity;
  }

  take(id: number): void {
    expect(id).toBe(this.#script[this.#place++]);
    this.log.push(`take ${id}`);
  }

  [Symbol.dispose](): void {
    this.log.push('dispose');
  }
}

it('never writes a token twice where each time costs enough', () => {
  using model = small();
  const plain = write(model, {}).ids;
  expect(new Set(plain).size).toBeLessThan(plain.length);
  const often = (ids: number[]) => Math.max(...ids.map((id) => ids.filter((each) => each === id).length));
  const penalised = write(model, { frequencyPenalty: 2, presencePenalty: 2 }).ids;
  expect(penalised).not.toEqual(plain);
  expect(often(penalised)).toBeLessThan(often(plain));
  for (const penalty of [{ presencePenalty: 2 }, { frequencyPenalty: 2 }, { presencePenalty: -2 }])
    expect(write(model, penalty).ids).not.toEqual(plain);
});

it('penalises what was written, and not what was asked', () => {
  using model = small();
  const first = write(model, { maxTokens: 1 }).ids[0]!;
  const again = { prompt: [...prompt, first, ...prompt], maxTokens: 1 };
  expect(write(model, { ...again, presencePenalty: 2, frequencyPenalty: 2 }).ids).toEqual(write(model, again).ids);
});

it('takes what is biased for, bans what is biased against, and tells the model’s own log-probabilities', () => {
  using model = small();
  const plain = write(model, { maxTokens: 1, logprobs: 3 });
  const [first] = plain.ids as [number];
  const other = (first + 1) % 300;
  const forced = write(model, { maxTokens: 3, logprobs: 3, logitBias: { [other]: 100 } });
  expect(forced.ids).toEqual([other, other, other]);
  expect(forced.logprobs[0]!.top).toEqual(plain.logprobs[0]!.top);
  expect(forced.logprobs[0]!.logprob).toBeLessThan(plain.logprobs[0]!.logprob);
  expect(write(model, { logitBias: { [first]: -100 } }).ids).not.toContain(first);
});

it('does not end before its least number of tokens', () => {
  using model = small();
  const ids = write(model, {}).ids;
  const stopIds = [ids[0]!, ids[1]!];
  expect(write(model, { stopIds })).toMatchObject({ ids: [], reason: 'end' });
  const late = write(model, { stopIds, minTokens: 3, logitBias: { [ids[0]!]: 100 } });
  expect([late.ids.length, late.reason]).toEqual([3, 'end']);
  for (const id of stopIds) expect(late.ids).not.toContain(id);
});

it('is held to its constraint, which is disposed once', () => {
  using model = small();
  const script = new Script([7, 8, 9]);
  const { ids, reason, logprobs } = write(model, {
    constraint: script,
    logprobs: 1,
    stopIds: [2],
    logitBias: { 5: 100 },
  });
  expect([ids, reason]).toEqual([[7, 8, 9], 'end']);
  expect(script.log).toEqual(['take 7', 'take 8', 'take 9', 'dispose']);
  expect(logprobs[0]!.logprob).toBeLessThan(-1e-3); // the model's own: it was not certain of 7
  expect(write(model, { constraint: new Script([]) })).toMatchObject({ ids: [], reason: 'end' });
  expect(write(model, { constraint: new Script([7, 8, 9]), maxTokens: 2 })).toMatchObject({
    ids: [7, 8],
    reason: 'length',
  });
});

it('disposes the constraint of a text that is cancelled, fails, or is never written', () => {
  using model = small();
  write(model, {}); // what a model makes when it is used first
  const before = liveHandles();
  const scripts = Array.from({ length: 4 }, () => new Script([7, 8, 9]));
  const [cancelled, failing, waiting, refused] = scripts as [Script, Script, Script, Script];
  {
    using engine = new Engine(model, { slots: 2 });
    const first = ask(engine, { constraint: cancelled });
    ask(engine, {
      constraint: failing,
      onId: () => {
        throw new Error('mine');
      },
    });
    ask(engine, { constraint: waiting });
    engine.step();
    engine.step();
    first.job.cancel();
    expect(() => ask(engine, { constraint: refused, maxTokens: -1 })).toThrow(UserError);
  }
  expect(scripts.map(({ log }) => log.filter((each) => each === 'dispose').length)).toEqual([1, 1, 1, 0]);
  expect(liveHandles()).toBe(before);
});

it('counts and gives neither what ended it nor what was not asked for', () => {
  using model = small();
  const [first] = write(model, {}).ids;
  const ended = write(model, { stopIds: [first!] });
  expect([ended.ids, ended.reason, ended.usage!.generated]).toEqual([[], 'end', 0]);
  const none = write(model, { maxTokens: 0 });
  expect([none.ids, none.reason, none.usage!.generated]).toEqual([[], 'length', 0]);
});

it('ends with the token behind which nothing may come, whatever is left', () => {
  using model = small();
  for (const maxTokens of [3, 2]) {
    const constraint = new Script([7, 8]);
    const { ids, reason } = write(model, { maxTokens, constraint });
    expect([ids, reason]).toEqual([[7, 8], 'end']);
  }
});
