// A pass in which every running text takes a token: a new one, and more where those that were proposed are the ones that come; or, after
// it had to wait, the one that it took here before.
import type { Logits } from '../sampling.ts';
import type { Endings } from './endings.ts';
import type { TextState } from './memory.ts';
import type { Parts } from './parts.ts';
import type { Passes } from './passes.ts';
import type { Task } from './task.ts';

/** What a text takes in a pass, and the bytes for it. */
interface Going {
  readonly task: Task;
  /** Its state has yet to take in what was told before it had to wait. */
  readonly wasBehind: boolean;
  /** Its next token, and what is guessed to follow. */
  readonly ids: readonly number[];
  readonly bytes: number;
}

/**
 * Rows of a pass in which there are guesses: as long as weights are what a pass waits for, further rows are nearly free. The more texts run,
 * the fewer guesses are checked, so that nobody waits for those of others.
 */
const ROWS_WITH_GUESSES = 16;

export class Decoding {
  readonly #parts: Parts;
  readonly #endings: Endings;
  readonly #passes: Passes;

  constructor(parts: Parts, endings: Endings, passes: Passes) {
    this.#parts = parts;
    this.#endings = endings;
    this.#passes = passes;
  }

  decode(): void {
    const { memory, schedule } = this.#parts;
    const going = new Map<TextState, Going>();
    const rows = this.#passes.make(
      () => {
        going.clear();
        let guesses = ROWS_WITH_GUESSES - schedule.running.length;
        for (const task of [...schedule.running]) guesses -= this.#goOn(task, going, guesses);
        return Array.from(going.values(), ({ task }) => task);
      },
      (state) => going.get(state)!.bytes,
      () => memory.decode(Array.from(going, ([state, { ids }]) => ({ state, ids }))),
    );
    if (rows) for (const [i, each] of [...going.values()].entries()) this.#takeRow(each, rows[i]!);
  }

  /** Guesses are checked where there is room for them, beside the others of the pass. How many there are. */
  #goOn(task: Task, going: Map<TextState, Going>, most: number): number {
    const { memory } = this.#parts;
    const state = task.state!;
    const wasBehind = state.length < task.sequence.ids.length - 1;
    const alone = { task, wasBehind, ids: [task.next], bytes: memory.bytesToGrow(state, 1) };
    try {
      const ids = wasBehind ? alone.ids : task.sequence.goOn(most);
      if (ids.length > 1) {
        const bytes = memory.bytesToDecode(state, ids.length);
        const others = Array.from(going.values(), (each) => each.bytes).reduce((sum, each) => sum + each, 0);
        if (others + bytes <= this.#passes.free) {
          going.set(state, { task, wasBehind, ids, bytes });
          return ids.length - 1;
        }
      }
      going.set(state, alone);
      return 0;
    } catch (error) {
      this.#endings.fail(task, error);
      return 0;
    }
  }

  /** A text takes the tokens that follow from the logits after each of its ids, as long as those are the tokens that came. */
  #takeRow({ task, wasBehind, ids }: Going, row: readonly Logits[]): void {
    const { totals } = this.#parts;
    const { sequence } = task;
    if (wasBehind) totals.readTokens++;
    if (wasBehind || !sequence.open) return;
    totals.proposals += Number(ids.length > 1);
    totals.proposedTokens += ids.length - 1;
    for (const [i, logits] of row.entries()) {
      if (ids.length > 1) task.settled = i + 1;
      const before = sequence.generated;
      this.#endings.take(task, logits);
      const hasCome = sequence.generated > before && i + 1 < ids.length && sequence.ids.at(-1) === ids[i + 1];
      if (hasCome) totals.acceptedTokens++;
      if (!sequence.open) return;
      if (!hasCome) break;
    }
    task.settle();
  }
}
