// What tsumugi's own environments have in common: the order of calls, their streams, snapshots, states, settings.
import { describe, expect, it } from 'vitest';
import { ConfigError, UserError } from '../../base/index.ts';
import { thrown } from '../../base/thrown.testing.ts';
import { Abc } from './abc/abc.ts';
import { Acrobot } from './classic/acrobot.ts';
import { CartPole } from './classic/cart-pole.ts';
import { settle } from './settings.ts';

describe('a task', () => {
  it('is restored as it was, ended too', () => {
    const ended = new CartPole();
    ended.setState([2.4, 1, 0, 0]);
    expect(ended.step(1).terminated).toBe(true);
    const other = new CartPole();
    other.restore(ended.snapshot());
    expect(thrown(UserError, () => other.step(1)).message).toMatch(/has ended/);
    const fresh = new CartPole();
    other.restore(fresh.snapshot());
    expect(thrown(UserError, () => other.step(1)).message).toMatch(/before the first reset/);
  });

  it('refuses the snapshot of another task, and what is none', () => {
    const cartPole = new CartPole();
    for (const snapshot of [new Acrobot().snapshot(), {}, null])
      expect(thrown(UserError, () => cartPole.restore(snapshot)).code).toBe('bad-snapshot');
  });

  it('refuses states of another length, and those that are no numbers', () => {
    const cartPole = new CartPole();
    for (const state of [[0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, Number.NaN], 'x', undefined])
      expect(thrown(UserError, () => cartPole.setState(state)).code, String(state)).toBe('bad-state');
  });

  it('refuses options of reset that are no object', () => {
    const abc = new Abc();
    for (const options of [3, 'low', null])
      expect(thrown(UserError, () => abc.reset({ options } as never)).code, String(options)).toBe('bad-option');
  });

  it('goes on with its stream where reset is given no seed', () => {
    const begun = (environment: CartPole, seed?: number) => [
      ...environment.reset(seed === undefined ? {} : { seed }).observation,
    ];
    const [one, other] = [new CartPole(), new CartPole()];
    const first = begun(one, 3);
    expect(begun(other, 3)).toEqual(first);
    const second = begun(one);
    expect(second).not.toEqual(first);
    expect(begun(other)).toEqual(second);
  });
});

describe('settings', () => {
  const defaults = { mass: 1, round: true, range: [0, 1] as const };

  it('are the defaults where they are left out, also as undefined', () => {
    expect(settle('x', defaults, { mass: 2, round: undefined, range: undefined })).toEqual({ ...defaults, mass: 2 });
  });

  it('are of the kind of their default', () => {
    for (const given of [
      { mass: '1' },
      { mass: Infinity },
      { round: 1 },
      { range: [1, 0] },
      { range: 1 },
      { weight: 1 },
    ])
      expect(() => settle('x', defaults, given), JSON.stringify(given)).toThrow(ConfigError);
    expect(() => settle('x', defaults, { mass: 2 }, ['mass'])).toThrow(/no option "mass"/);
  });
});
