// When a request is over: its client has gone, its time is up, or the server ends. One signal tells the handler, and through it the
// engine, to stop.
import type { ServerResponse } from 'node:http';
import type { Limits } from '../limits.ts';
import { HttpError } from './http-error.ts';

const timeIsUp = (seconds: number): HttpError =>
  new HttpError(504, 'request_timeout', `the answer took longer than the ${seconds} seconds that a request may take`, {
    remedy: 'Ask for fewer tokens.',
  });

/** Nobody reads this one. */
const clientGone = (): HttpError => new HttpError(408, 'client_gone', 'the client has gone');

export class RequestEnd {
  readonly #outgoing: ServerResponse;
  readonly #limits: Limits;
  readonly #controller = new AbortController();
  /** For the log. */
  readonly notes: Record<string, string | number> = {};

  constructor(outgoing: ServerResponse, limits: Limits, closing: AbortSignal) {
    this.#outgoing = outgoing;
    this.#limits = limits;
    const { requestSeconds } = limits;
    const abort = (reason: unknown) => this.#controller.abort(reason);
    const timer = setTimeout(() => abort(timeIsUp(requestSeconds)), 1000 * requestSeconds);
    const onClosing = () => abort(closing.reason);
    closing.addEventListener('abort', onClosing);
    // A client that says it will send nothing more has gone: HTTP's clients do not half-close.
    const { socket } = outgoing;
    const onEnd = () => abort(clientGone());
    socket?.once('end', onEnd);
    outgoing.once('close', () => {
      clearTimeout(timer);
      closing.removeEventListener('abort', onClosing);
      socket?.off('end', onEnd);
      abort(clientGone());
    });
  }

  readonly note = (values: Readonly<Record<string, string | number>>): void => {
    Object.assign(this.notes, values);
  };

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** From here on a client that takes nothing is given up. */
  answering(): void {
    this.#outgoing.setTimeout(1000 * this.#limits.stallSeconds, () => this.#outgoing.destroy());
  }
}
