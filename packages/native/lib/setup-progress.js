// What a setup says while it works: one line per step, rewritten in place on a terminal, printed at the start and at the end
// elsewhere.

/** @typedef {{ write(text: string): unknown, isTTY?: boolean | undefined }} Output */

export class SetupProgress {
  #shown = '';
  #output;

  /** @param {Output} output */
  constructor(output) {
    this.#output = output;
  }

  /** @param {string} text @param {string} [detail] what changes quickly, for terminals only */
  step(text, detail = '') {
    if (this.#output.isTTY) this.#output.write(`\r\x1b[2Ksetup: ${text}${detail && ` ${detail}`}`);
    else if (text !== this.#shown) this.#output.write(`setup: ${text}\n`);
    this.#shown = text;
  }

  /** @param {string} text */
  done(text) {
    this.#output.write(`${this.#output.isTTY ? '\r\x1b[2K' : ''}setup: ${text}\n`);
    this.#shown = '';
  }

  /** Takes a step that was not finished off the terminal. */
  clear() {
    if (this.#output.isTTY && this.#shown !== '') this.#output.write('\r\x1b[2K');
    this.#shown = '';
  }
}

/** @param {number} since as performance.now() */
export const secondsSince = (since) => `${((performance.now() - since) / 1000).toFixed(1)} s`;
