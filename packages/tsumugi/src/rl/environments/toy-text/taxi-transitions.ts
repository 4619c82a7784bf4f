// The rules of Taxi as a table.
import type { Transition, Transitions } from './tabular.ts';

/** Walls are |, between columns; R, G, Y, B are where passengers wait. */
export const MAP = ['|R: | : :G|', '| : | : : |', '| : : : : |', '| | : | : |', '|Y| : |B: |'] as const;

/** Rows and columns of R, G, Y, B. */
export const PLACES = [
  [0, 0],
  [0, 4],
  [4, 0],
  [4, 3],
] as const;
export const IN_TAXI = 4;
const SIZE = 5;

/** Rows and columns that the actions lead on by: south, north, east, west. Then come 4, pick up, and 5, drop off. */
const MOVES = [
  [1, 0],
  [-1, 0],
  [0, 1],
  [0, -1],
] as const;
/** In the rain: the moves to the left and to the right of each. */
const SIDES = [
  [2, 3],
  [3, 2],
  [1, 0],
  [0, 1],
] as const;

export interface TaxiState {
  row: number;
  column: number;
  /** One of the places, or in the taxi. */
  passenger: number;
  destination: number;
}

export const encode = ({ row, column, passenger, destination }: TaxiState): number =>
  ((row * SIZE + column) * 5 + passenger) * 4 + destination;

export const decode = (state: number): TaxiState => ({
  row: Math.floor(state / 100),
  column: Math.floor(state / 20) % SIZE,
  passenger: Math.floor(state / 4) % 5,
  destination: state % 4,
});

export const placeAt = (row: number, column: number): number =>
  PLACES.findIndex(([placeRow, placeColumn]) => placeRow === row && placeColumn === column);

/** Whether there is neither a wall nor the edge of the map. */
export function isOpen(row: number, column: number, move: number): boolean {
  if (move === 0) return row < SIZE - 1;
  if (move === 1) return row > 0;
  return MAP[row]![move === 2 ? 2 * column + 2 : 2 * column] === ':';
}

function moved(state: TaxiState, move: number): TaxiState {
  const [down, right] = MOVES[move]!;
  return { ...state, row: state.row + down, column: state.column + right };
}

/**
 * Where the rain drifts a taxi to. As in Gymnasium 1.3.0 the wall that counts is the one on the near side of the square
 * that a move to the side leads to.
 */
function drifted(state: TaxiState, move: number): TaxiState {
  const [down, right] = MOVES[move]!;
  const row = Math.min(Math.max(state.row + down, 0), SIZE - 1);
  const column = Math.min(Math.max(state.column + right, 0), SIZE - 1);
  if (right === 1 && MAP[row]![2 * column] !== ':') return state;
  if (right === -1 && MAP[row]![2 * column + 2] !== ':') return state;
  return { ...state, row, column };
}

function loaded(state: TaxiState, action: number): Transition {
  const { row, column, passenger, destination } = state;
  const place = placeAt(row, column);
  if (action === 4) {
    const isHere = passenger !== IN_TAXI && passenger === place;
    return isHere ? [1, encode({ ...state, passenger: IN_TAXI }), -1, false] : [1, encode(state), -10, false];
  }
  if (passenger !== IN_TAXI || place < 0) return [1, encode(state), -10, false];
  const isThere = place === destination;
  return [1, encode({ ...state, passenger: place }), isThere ? 20 : -1, isThere];
}

/** @param straight how probably the taxi goes where it should; in dry weather undefined */
export function taxiTransitions(straight: number | undefined): Transitions {
  const outcomes = (state: TaxiState, action: number): Transition[] => {
    if (action >= 4) return [loaded(state, action)];
    const open = isOpen(state.row, state.column, action);
    const ahead = encode(open ? moved(state, action) : state);
    if (straight === undefined) return [[1, ahead, -1, false]];
    const aside = (1 - straight) / 2;
    const [left, right] = SIDES[action]!.map((move) => encode(open ? drifted(state, move) : state));
    return [
      [straight, ahead, -1, false],
      [aside, left!, -1, false],
      [aside, right!, -1, false],
    ];
  };
  return Array.from({ length: 500 }, (_, number) => {
    const state = decode(number);
    return Array.from({ length: 6 }, (_, action) => outcomes(state, action));
  });
}
