// Who waits, whose prompt is read, and who takes tokens. Who came first goes first; prompts are read by turns, piece by piece.
import type { Task } from './task.ts';

export class Schedule {
  /** In the order in which they came. */
  readonly waiting: Task[] = [];
  /** Whose turn it is to be read comes first. */
  readonly reading: Task[] = [];
  readonly running: Task[] = [];

  get all(): Task[] {
    return [...this.running, ...this.reading, ...this.waiting];
  }

  /** Those that have a slot. */
  get active(): Task[] {
    return [...this.running, ...this.reading];
  }

  /** How many have a slot. */
  get taken(): number {
    return this.running.length + this.reading.length;
  }

  /** Of those that have a slot, the one that came last. */
  get latest(): Task {
    return this.active.reduce((latest, task) => (task.arrival > latest.arrival ? task : latest));
  }

  /** It waits, behind those that came before it. */
  wait(task: Task): void {
    this.leave(task);
    const place = this.waiting.findLastIndex(({ arrival }) => arrival < task.arrival) + 1;
    this.waiting.splice(place, 0, task);
  }

  /** It is to be read when the others have had their turn. */
  read(task: Task): void {
    this.leave(task);
    this.reading.push(task);
  }

  run(task: Task): void {
    this.leave(task);
    this.running.push(task);
  }

  leave(task: Task): void {
    for (const list of [this.waiting, this.reading, this.running]) {
      const place = list.indexOf(task);
      if (place >= 0) list.splice(place, 1);
    }
  }
}
