// A file of JSON lines that is written while rows come.
import { appendFileSync, writeFileSync } from 'node:fs';
import { writingAt } from '../../base/index.ts';

/** Lines are written some at a time. */
const LINES = 1000;

export class Lines {
  readonly path: string;
  #lines: string[] = [];
  count = 0;

  constructor(path: string) {
    this.path = path;
    writingAt(path, () => writeFileSync(path, ''));
  }

  add(value: object): void {
    this.count++;
    this.#lines.push(`${JSON.stringify(value)}\n`);
    if (this.#lines.length >= LINES) this.flush();
  }

  flush(): void {
    writingAt(this.path, () => appendFileSync(this.path, this.#lines.splice(0).join('')));
  }
}
