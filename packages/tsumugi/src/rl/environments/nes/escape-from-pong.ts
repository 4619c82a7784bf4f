// Escape from Pong (Adam Gashlin, Halley's Comet Software, 2003; BSD licence): the player is the ball, and gets away from the
// paddle. Where things stand in memory was found by watching it change.
import { readFile } from 'node:fs/promises';
import type { NesGame } from './nes.ts';

/** Address of the two bytes that say where the present level is read from: they change with the level, and only then. */
const LEVEL = 0x31;
/** Bytes of the ball and of the paddle, and what is in them when a level begins. */
const BEGINNING: readonly (readonly [address: number, value: number])[] = [
  [0x16, 64],
  [0x18, 48],
  [0x1f, 80],
];
/** Further than the ball and the paddle go in a frame. */
const JUMP = 16;
const LEVELS = 13;

interface State {
  /** From 1. */
  level: number;
  /** What the bytes at LEVEL are. */
  script: number;
  /** The bytes of ball and paddle after the frame before. */
  places: number[];
}

const scriptOf = (memory: ArrayLike<number>) => memory[LEVEL]! + 256 * memory[LEVEL + 1]!;
const placesOf = (memory: ArrayLike<number>) => BEGINNING.map(([address]) => memory[address]!);

/** Whether the ball is where a level begins, and was far from there. */
function isRestart(before: readonly number[], now: readonly number[]): boolean {
  const moved = now.reduce((sum, place, i) => sum + Math.abs(place - before[i]!), 0);
  return moved > JUMP && BEGINNING.every(([, value], i) => now[i] === value);
}

export async function escapeFromPong(): Promise<NesGame> {
  return {
    id: 'nes/EscapeFromPong-v0',
    rom: await readFile(new URL('efp/efp.nes', import.meta.url)),
    actions: { NOOP: [], UP: ['UP'], DOWN: ['DOWN'], LEFT: ['LEFT'], RIGHT: ['RIGHT'] },
    bootFrames: 72,
    begin: (memory): State => {
      const script = scriptOf(memory);
      return { level: 1, script, places: placesOf(memory) };
    },
    follow(memory, given) {
      const state = given as State;
      const [script, places] = [scriptOf(memory), placesOf(memory)];
      const escaped = script !== state.script;
      const level = state.level + Number(escaped);
      const restarted = !escaped && isRestart(state.places, places);
      return {
        state: { ...state, level, script, places },
        reward: Number(escaped),
        terminated: level > LEVELS,
        info: { level: Math.min(level, LEVELS), restarted },
      };
    },
  };
}
