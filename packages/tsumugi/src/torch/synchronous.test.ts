// What holds a mode or a scope while a body runs refuses every body that would go on without it.
import { describe, expect, it } from 'vitest';
import { RandomStream, UserError } from '../base/index.ts';
import { checkpoint, enableGrad, isGradEnabled, liveHandles, noGrad, ones, scope, tensor } from './index.ts';

type Bracket = (body: () => unknown) => unknown;
const brackets: Record<string, Bracket> = {
  scope,
  noGrad,
  enableGrad,
  checkpoint: (body) => checkpoint(body),
  'checkpoint in noGrad': (body) => noGrad(() => checkpoint(body)),
};

describe.each(Object.entries(brackets))('%s', (_, bracket) => {
  it('refuses functions that run later, before anything of them runs', () => {
    let ran = false;
    const run = () => {
      ran = true;
    };
    const bodies: [() => unknown, RegExp][] = [
      [async () => run(), /must be synchronous, it is an async function\n.*Await before it/],
      [
        function* () {
          yield run();
        },
        /it is a generator function\n.*inside the generator/,
      ],
      [
        async function* () {
          yield run();
        },
        /it is an async generator function/,
      ],
    ];
    for (const [body, message] of bodies) {
      expect(() => bracket(body)).toThrow(message);
      expect(() => bracket(body)).toThrow(UserError);
    }
    expect(ran).toBe(false);
  });

  it('refuses promises, thenables and iterators that a plain function returns, and puts everything back', () => {
    const before = [liveHandles(), isGradEnabled()];
    const inner = function* () {
      yield 1;
    };
    const bodies: [() => unknown, RegExp][] = [
      [() => Promise.resolve(1), /it returned a promise/],
      [() => Promise.reject(new Error('nobody hears this')), /it returned a promise/],
      // biome-ignore lint/suspicious/noThenProperty: what is tested
      [() => ({ then: () => {} }), /it returned a promise/],
      [() => inner(), /it returned an iterator/],
      [() => inner().map((value) => value), /it returned an iterator/],
    ];
    for (const [body, message] of bodies) expect(() => bracket(body)).toThrow(message);
    expect([liveHandles(), isGradEnabled()]).toEqual(before);
  });

  it('returns everything else as it is', () => {
    for (const value of [1, 'a', null, undefined, [1], new Map([[1, 2]]), { next: () => 1 }, new RandomStream(1)])
      expect(bracket(() => value)).toBe(value);
    scope(() => expect((bracket(() => tensor([1, 2])) as { shape: unknown }).shape).toEqual([2]));
  });
});

it('a generator may open them around its steps', () => {
  const steps = function* () {
    const w = ones([1]).requiresGrad_();
    for (let i = 0; i < 2; i++) yield noGrad(() => w.mul(2).requiresGrad);
    yield w.mul(2).requiresGrad;
  };
  scope(() => expect([...steps()]).toEqual([false, false, true]));
});
