// Taxi (Dietterich 2000): fetch the passenger and bring him to his destination. Gymnasium 1.3.0's `TaxiEnv`.
import { checkNumber, checkOptions } from '../../../base/index.ts';
import type { Frame, Info } from '../../environment.ts';
import type { NumpyRandom } from '../../random/numpy-random.ts';
import { Discrete } from '../../spaces/index.ts';
import { drawTaxi } from './drawing.ts';
import { TabularTask, type Transitions } from './tabular.ts';
import { decode, encode, IN_TAXI, isOpen, PLACES, placeAt, taxiTransitions } from './taxi-transitions.ts';

export interface TaxiOptions {
  /** In the rain the taxi drifts to the side of where it should go. */
  isRainy?: boolean;
  /** How probably it does not. */
  rainyProbability?: number;
  /** A passenger may change his mind in the first move. */
  ficklePassenger?: boolean;
  /** How probably there is such a passenger. */
  fickleProbability?: number;
}

export class Taxi extends TabularTask {
  readonly id: string;
  readonly observationSpace = new Discrete(500);
  readonly actionSpace = new Discrete(6);
  readonly transitions: Transitions;
  protected readonly starts: readonly number[];
  readonly #fickle: number | undefined;
  #isFickle = false;

  constructor(id = 'Taxi-v4', options: TaxiOptions = {}) {
    super();
    this.id = id;
    checkOptions<TaxiOptions>(id, options, {
      isRainy: true,
      rainyProbability: true,
      ficklePassenger: true,
      fickleProbability: true,
    });
    const { isRainy = false, rainyProbability = 0.8, ficklePassenger = false, fickleProbability = 0.3 } = options;
    checkNumber(id, 'rainyProbability', rainyProbability, { min: 0, max: 1 });
    checkNumber(id, 'fickleProbability', fickleProbability, { min: 0, max: 1 });
    this.transitions = taxiTransitions(isRainy ? rainyProbability : undefined);
    this.#fickle = ficklePassenger ? fickleProbability : undefined;
    const canBegin = this.transitions.map((_, state) => {
      const { passenger, destination } = decode(state);
      return passenger !== IN_TAXI && passenger !== destination;
    });
    const count = canBegin.filter(Boolean).length;
    this.starts = canBegin.map((can) => (can ? 1 / count : 0));
  }

  protected override begin(rng: NumpyRandom, options: Readonly<Record<string, unknown>>): Info {
    const info = super.begin(rng, options);
    this.#isFickle = this.#fickle !== undefined && rng.random() < this.#fickle;
    return info;
  }

  protected override arrive(next: number, rng: NumpyRandom): number {
    const [from, to] = [decode(this.state), decode(next)];
    const isStill = from.row === to.row && from.column === to.column;
    if (!this.#isFickle || from.passenger !== IN_TAXI || isStill) return next;
    this.#isFickle = false;
    const others = PLACES.map((_, place) => place).filter((place) => place !== from.destination);
    return encode({ ...to, destination: rng.choice(others) });
  }

  /** `action_mask`: 1 for each action that changes the state. */
  protected override told(probability: number): Info {
    const { row, column, passenger } = decode(this.state);
    const place = placeAt(row, column);
    const changes = [
      ...[0, 1, 2, 3].map((move) => isOpen(row, column, move)),
      passenger !== IN_TAXI && passenger === place,
      passenger === IN_TAXI && place >= 0,
    ];
    return { prob: probability, action_mask: Uint8Array.from(changes, Number) };
  }

  /** @param state its number; the passenger there keeps to his destination */
  override setState(state: unknown): number {
    const observation = super.setState(state);
    this.#isFickle = false;
    return observation;
  }

  render(): Frame {
    return drawTaxi(this.state, this.lastAction);
  }

  protected override saveState(): unknown {
    return [super.saveState(), this.#isFickle];
  }

  protected override loadState(state: unknown): void {
    const [inner, isFickle] = state as [unknown, boolean];
    super.loadState(inner);
    this.#isFickle = isFickle;
  }
}
