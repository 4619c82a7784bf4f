// `scores.txt`: a line for each evaluation, with ChainerRL's columns and after them the agent's statistics. Its tools plot it.
import { existsSync, readFileSync } from 'node:fs';
import { writeFileAtomic } from '../../base/index.ts';
import type { Summary } from './evaluate.ts';

const columns = ['steps', 'episodes', 'elapsed', 'mean', 'median', 'stdev', 'max', 'min'] as const;

export interface Score extends Summary {
  steps: number;
  /** That training has gone through. */
  episodes: number;
  /** Seconds at work. */
  elapsed: number;
  /** Of the agent, by their names. */
  statistics: Readonly<Record<string, number>>;
}

type Row = ReadonlyMap<string, string>;

export class Scores {
  readonly #path: string;
  #rows: Row[] = [];

  /** @param keep says of an earlier process's line by its steps whether it still holds */
  constructor(path: string, keep: (steps: number) => boolean = () => false) {
    this.#path = path;
    if (existsSync(path)) this.#rows = read(readFileSync(path, 'utf8')).filter((row) => keep(Number(row.get('steps'))));
  }

  /** Adds a line, in the stead of one for the same steps. */
  add({ statistics, ...score }: Score): void {
    const row: Row = new Map(
      [...columns.map((name) => [name, score[name]] as const), ...Object.entries(statistics)].map(([name, value]) => [
        name,
        String(value),
      ]),
    );
    const others = this.#rows.filter((each) => each.get('steps') !== row.get('steps'));
    this.#rows = [...others, row];
    const names = [...new Set([...columns, ...this.#rows.flatMap((each) => [...each.keys()])])];
    const lines = this.#rows.map((each) => names.map((name) => each.get(name) ?? 'nan').join('\t'));
    writeFileAtomic(this.#path, `${[names.join('\t'), ...lines].join('\n')}\n`);
  }
}

function read(text: string): Row[] {
  const [header = '', ...lines] = text.split('\n').filter((line) => line !== '');
  const names = header.split('\t');
  return lines.map((line) => new Map(line.split('\t').map((cell, i) => [names[i] ?? String(i), cell])));
}
