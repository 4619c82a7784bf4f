// What could not be answered: a line for each try that failed, so that a row that failed is left aside until it is asked for again,
// then with another seed. The file only grows; a torn last line, of a killed process, counts as not there.
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { parseJson, writingAt } from '../../base/index.ts';

export interface Failure {
  /** Of the request, its seed left out. */
  readonly id: string;
  readonly step: string;
  readonly source: { readonly file: string; readonly row: number };
  /** "endpoint-busy", "empty-reply", … */
  readonly code: string;
  readonly message: string;
}

export class FailureLog {
  readonly path: string;
  readonly #failures = new Map<string, Failure[]>();
  #torn = false;

  constructor(path: string) {
    this.path = path;
    if (!existsSync(path)) return;
    const text = readFileSync(path, 'utf8');
    this.#torn = text !== '' && !text.endsWith('\n');
    for (const line of text.split('\n')) {
      if (line === '') continue;
      try {
        this.#remember(parseJson(line) as Failure);
      } catch {
        // The last line of a killed process.
      }
    }
  }

  /** How often a request has failed. */
  count(id: string): number {
    return this.#failures.get(id)?.length ?? 0;
  }

  last(id: string): Failure | undefined {
    return this.#failures.get(id)?.at(-1);
  }

  add(failure: Failure): void {
    writingAt(this.path, () => appendFileSync(this.path, `${this.#torn ? '\n' : ''}${JSON.stringify(failure)}\n`));
    this.#torn = false;
    this.#remember(failure);
  }

  #remember(failure: Failure): void {
    const before = this.#failures.get(failure.id);
    if (before) before.push(failure);
    else this.#failures.set(failure.id, [failure]);
  }
}
