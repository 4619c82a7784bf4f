// FrozenLake: over the ice to the goal, without falling into a hole. Gymnasium 1.3.0's `FrozenLakeEnv`.
import { checkNumber, checkOptions, UserError } from '../../../base/index.ts';
import type { Frame } from '../../environment.ts';
import { Discrete } from '../../spaces/index.ts';
import { drawLake } from './drawing.ts';
import { TabularTask, type Transition, type Transitions } from './tabular.ts';

/** S start, F frozen, H hole, G goal. */
const MAPS = {
  '4x4': ['SFFF', 'FHFH', 'FFFH', 'HFFG'],
  '8x8': ['SFFFFFFF', 'FFFFFFFF', 'FFFHFFFF', 'FFFFFHFF', 'FFFHFFFF', 'FHHFFFHF', 'FHFFHFHF', 'FFFHFFFG'],
} as const;

/** Rows and columns that the actions lead on by: left, down, right, up. */
const MOVES = [
  [0, -1],
  [1, 0],
  [0, 1],
  [-1, 0],
] as const;

export interface FrozenLakeOptions {
  /** Rows of S, F, H and G; left out: the map of the name. */
  desc?: readonly string[];
  /** Whether one may slip to the side of where one wants to go. */
  isSlippery?: boolean;
  /** How probably one does not slip. */
  successRate?: number;
  /** Rewards at the goal, in a hole, on ice. */
  rewards?: readonly [goal: number, hole: number, ice: number];
}

function checkMap(id: string, rows: readonly string[]): readonly string[] {
  const fits = rows.length > 0 && rows.every((row) => row.length === rows[0]!.length && /^[SFHG]+$/.test(row));
  if (fits && rows.some((row) => row.includes('S'))) return rows;
  throw new UserError(
    'bad-option',
    `${id}: desc is a list of rows of one length, of S, F, H and G, with an S; got ${JSON.stringify(rows)}`,
    {
      remedy: `For example ${JSON.stringify(MAPS['4x4'])}.`,
    },
  );
}

export class FrozenLake extends TabularTask {
  readonly id: string;
  readonly observationSpace: Discrete;
  readonly actionSpace = new Discrete(4);
  readonly transitions: Transitions;
  protected readonly starts: readonly number[];
  readonly #rows: readonly string[];

  constructor(id = 'FrozenLake-v1', options: FrozenLakeOptions = {}) {
    super();
    this.id = id;
    checkOptions<FrozenLakeOptions>(id, options, { desc: true, isSlippery: true, successRate: true, rewards: true });
    const rows = checkMap(id, options.desc ?? MAPS[id.includes('8x8') ? '8x8' : '4x4']);
    this.#rows = rows;
    const tiles = [...rows.join('')];
    this.observationSpace = new Discrete(tiles.length);
    const starts = tiles.filter((tile) => tile === 'S').length;
    this.starts = tiles.map((tile) => (tile === 'S' ? 1 / starts : 0));
    this.transitions = transitionsOf(id, rows, options);
  }

  render(): Frame {
    return drawLake(this.#rows, this.state);
  }
}

function transitionsOf(id: string, rows: readonly string[], options: FrozenLakeOptions): Transitions {
  const { isSlippery = true, successRate = 1 / 3, rewards = [1, 0, 0] } = options;
  checkNumber(id, 'successRate', successRate, { min: 0, max: 1 });
  const [height, width] = [rows.length, rows[0]!.length];
  const outcome = (probability: number, row: number, column: number, action: number): Transition => {
    const [down, right] = MOVES[action]!;
    const nextRow = Math.min(Math.max(row + down, 0), height - 1);
    const nextColumn = Math.min(Math.max(column + right, 0), width - 1);
    const tile = rows[nextRow]![nextColumn]!;
    const reward = tile === 'G' ? rewards[0] : tile === 'H' ? rewards[1] : rewards[2];
    return [probability, nextRow * width + nextColumn, reward, tile === 'G' || tile === 'H'];
  };
  const slip = (1 - successRate) / 2;
  return Array.from({ length: height * width }, (_, state) => {
    const [row, column] = [Math.floor(state / width), state % width];
    return MOVES.map((_, action) => {
      if ('GH'.includes(rows[row]![column]!)) return [[1, state, 0, true] as const];
      if (!isSlippery) return [outcome(1, row, column, action)];
      return [
        outcome(slip, row, column, (action + 3) % 4),
        outcome(successRate, row, column, action),
        outcome(slip, row, column, (action + 1) % 4),
      ];
    });
  });
}
