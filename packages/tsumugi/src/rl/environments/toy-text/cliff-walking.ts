// CliffWalking (Sutton & Barto, example 6.6): along a cliff; who steps over it begins again at the start. Gymnasium 1.3.0's
// `CliffWalkingEnv`.
import { checkOptions } from '../../../base/index.ts';
import type { Frame } from '../../environment.ts';
import { Discrete } from '../../spaces/index.ts';
import { drawCliff } from './drawing.ts';
import { onlyAt, TabularTask, type Transition, type Transitions } from './tabular.ts';

const [ROWS, COLUMNS] = [4, 12];
const START = (ROWS - 1) * COLUMNS;
const GOAL = ROWS * COLUMNS - 1;

/** Rows and columns that the actions lead on by: up, right, down, left. */
const MOVES = [
  [-1, 0],
  [0, 1],
  [1, 0],
  [0, -1],
] as const;

export interface CliffWalkingOptions {
  /** Whether one goes to each side of where one wants to go as often as there. */
  isSlippery?: boolean;
}

function transitionsOf(isSlippery: boolean): Transitions {
  const outcome = (probability: number, state: number, action: number): Transition => {
    const [down, right] = MOVES[action]!;
    const row = Math.min(Math.max(Math.floor(state / COLUMNS) + down, 0), ROWS - 1);
    const column = Math.min(Math.max((state % COLUMNS) + right, 0), COLUMNS - 1);
    const next = row * COLUMNS + column;
    return next > START && next < GOAL ? [probability, START, -100, false] : [probability, next, -1, next === GOAL];
  };
  return Array.from({ length: ROWS * COLUMNS }, (_, state) =>
    MOVES.map((_, action) =>
      isSlippery
        ? [(action + 3) % 4, action, (action + 1) % 4].map((turned) => outcome(1 / 3, state, turned))
        : [outcome(1, state, action)],
    ),
  );
}

export class CliffWalking extends TabularTask {
  readonly id: string;
  readonly observationSpace = new Discrete(ROWS * COLUMNS);
  readonly actionSpace = new Discrete(4);
  readonly transitions: Transitions;
  protected readonly starts = onlyAt(START, ROWS * COLUMNS);

  constructor(id = 'CliffWalking-v1', options: CliffWalkingOptions = {}) {
    super();
    this.id = id;
    checkOptions<CliffWalkingOptions>(id, options, { isSlippery: true });
    this.transitions = transitionsOf(options.isSlippery ?? id === 'CliffWalkingSlippery-v1');
  }

  render(): Frame {
    return drawCliff(ROWS, COLUMNS, this.state);
  }
}
