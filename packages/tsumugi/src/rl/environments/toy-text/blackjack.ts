// Blackjack (Sutton & Barto, example 5.1) against a dealer, with an infinite deck. Gymnasium 1.3.0's `BlackjackEnv`.
import { checkOptions, isObject, UserError } from '../../../base/index.ts';
import type { ActionLike, Frame, Info, StepResult } from '../../environment.ts';
import type { NumpyRandom } from '../../random/numpy-random.ts';
import { Discrete, MultiDiscrete } from '../../spaces/index.ts';
import { noOptions } from '../no-options.ts';
import { NO_INFO, Task } from '../task.ts';
import { drawTable } from './cards.ts';

/** 1 is the ace; jack, queen and king count as 10. */
const DECK = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10, 10, 10];
const SUITS = ['C', 'D', 'H', 'S'] as const;
const FACES = ['J', 'Q', 'K'] as const;

export interface BlackjackOptions {
  /** The rules of Sutton and Barto: an ace and a ten at the start win, unless the dealer has them too. */
  sab?: boolean;
  /** Without them: an ace and a ten that win pay 1.5. */
  natural?: boolean;
}

interface Saved {
  player: readonly number[];
  dealer: readonly number[];
  shown: { suit: string; face: string };
  isOver: boolean;
}

const sum = (hand: readonly number[]) => hand.reduce((total, card) => total + card, 0);
/** An ace counts 11 where that is not too much. */
const hasUsableAce = (hand: readonly number[]) => hand.includes(1) && sum(hand) + 10 <= 21;
const total = (hand: readonly number[]) => sum(hand) + (hasUsableAce(hand) ? 10 : 0);
const isBust = (hand: readonly number[]) => total(hand) > 21;
const score = (hand: readonly number[]) => (isBust(hand) ? 0 : total(hand));
const isNatural = (hand: readonly number[]) => hand.length === 2 && hand.includes(1) && hand.includes(10);
const draw = (rng: NumpyRandom) => rng.choice(DECK);

/** Observations are [sum of the player, card that the dealer shows, whether the player has a usable ace]. */
export class Blackjack extends Task<Float32Array> {
  readonly id = 'Blackjack-v1';
  readonly observationSpace = new MultiDiscrete([32, 11, 2]);
  /** 0: stick, 1: hit. */
  readonly actionSpace = new Discrete(2);
  readonly #rules: Required<BlackjackOptions>;
  #player: number[] = [];
  #dealer: number[] = [];
  /** For the picture: whether the dealer's cards lie open. */
  #isOver = false;
  /** How the dealer's card looks. */
  #shown = { suit: 'S', face: 'A' };

  constructor(options: BlackjackOptions = {}) {
    super();
    checkOptions<BlackjackOptions>(this.id, options, { sab: true, natural: true });
    const { sab = options.natural === undefined, natural = false } = options;
    if (sab && natural) {
      throw new UserError('bad-option', `${this.id}: natural has no effect under the rules of Sutton and Barto (sab)`, {
        remedy: 'Leave one of sab and natural out.',
      });
    }
    this.#rules = { sab, natural };
  }

  protected begin(rng: NumpyRandom, options: Readonly<Record<string, unknown>>): Info {
    noOptions(`${this.id}: reset`, options);
    this.#dealer = [draw(rng), draw(rng)];
    this.#player = [draw(rng), draw(rng)];
    this.#isOver = false;
    this.#show(rng);
    return NO_INFO;
  }

  /** Gymnasium draws the look of the card from the same stream. */
  #show(rng: NumpyRandom): void {
    const suit = rng.choice(SUITS);
    const card = this.#dealer[0]!;
    this.#shown = { suit, face: card === 1 ? 'A' : card === 10 ? rng.choice(FACES) : String(card) };
  }

  protected advance(action: ActionLike, rng: NumpyRandom): StepResult<Float32Array> {
    let [reward, terminated] = [0, true];
    if (action === 1) {
      this.#player.push(draw(rng));
      terminated = isBust(this.#player);
      if (terminated) reward = -1;
    } else {
      while (total(this.#dealer) < 17) this.#dealer.push(draw(rng));
      reward = Math.sign(score(this.#player) - score(this.#dealer));
      const { sab, natural } = this.#rules;
      if (sab && isNatural(this.#player) && !isNatural(this.#dealer)) reward = 1;
      if (natural && isNatural(this.#player) && reward === 1) reward = 1.5;
    }
    this.#isOver = terminated;
    return { observation: this.observation(), reward, terminated, truncated: false, info: NO_INFO };
  }

  protected observation(): Float32Array {
    return Float32Array.of(total(this.#player), this.#dealer[0]!, Number(hasUsableAce(this.#player)));
  }

  /** @param state `{ player, dealer }`: the cards of each, of the dealer the shown one first */
  setState(state: unknown): Float32Array {
    const isHand = (hand: unknown): hand is number[] =>
      Array.isArray(hand) && hand.length > 0 && hand.every((card) => DECK.includes(card as number));
    if (!isObject(state) || !isHand(state['player']) || !isHand(state['dealer']) || isBust(state['player'])) {
      throw new UserError('bad-state', `${this.id}: a state is { player, dealer }, got ${JSON.stringify(state)}`, {
        remedy: 'Give each a list of cards from 1 (the ace) to 10, the player no more than 21.',
      });
    }
    [this.#player, this.#dealer] = [[...state['player']], [...state['dealer']]];
    this.#isOver = false;
    this.#show(this.rng);
    return this.placed();
  }

  render(): Frame {
    const [player, dealer] = [this.#player, this.#dealer];
    const [sum, usableAce] = [total(player), hasUsableAce(player)];
    return drawTable({ shown: this.#shown, dealer, isOver: this.#isOver, player, sum, usableAce });
  }

  protected saveState(): unknown {
    return { player: [...this.#player], dealer: [...this.#dealer], shown: this.#shown, isOver: this.#isOver };
  }

  protected loadState(state: unknown): void {
    const { player, dealer, shown, isOver } = state as Saved;
    [this.#player, this.#dealer, this.#shown, this.#isOver] = [[...player], [...dealer], { ...shown }, isOver];
  }
}
