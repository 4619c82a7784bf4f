// Server-sent events. They are written to the connection itself: through a web stream each would cost as much again. What comes is
// pulled: nothing is made for a client that does not read, but what the engine sends meanwhile.
import type { ServerResponse } from 'node:http';

export interface ServerEvent {
  readonly event?: string;
  /** A text is sent as it is, anything else as JSON. */
  readonly data: unknown;
}

/** Comments are sent when nothing came for so long, so that whatever lies between does not take the connection for dead. */
const KEEP_ALIVE_SECONDS = 15;

function written({ event, data }: ServerEvent): string {
  const name = event === undefined ? '' : `event: ${event}\n`;
  return `${name}data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`;
}

/** A response without a body of its own: whoever has the connection calls `send`. */
export class EventStream extends Response {
  readonly #events: AsyncGenerator<ServerEvent, void>;
  readonly #keepAliveSeconds: number;

  /** @param events must end by themselves, telling of errors in events: the status has been sent */
  constructor(
    events: AsyncGenerator<ServerEvent, void>,
    {
      keepAliveSeconds = KEEP_ALIVE_SECONDS,
      headers = {},
    }: { keepAliveSeconds?: number; headers?: Readonly<Record<string, string>> } = {},
  ) {
    super(null, {
      headers: {
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-cache',
        // nginx gathers what it passes on, unless it is told not to.
        'x-accel-buffering': 'no',
        ...headers,
      },
    });
    this.#events = events;
    this.#keepAliveSeconds = keepAliveSeconds;
  }

  /** Resolves when all is written or the client has gone; then the events are ended, too. */
  async send(outgoing: ServerResponse): Promise<void> {
    outgoing.writeHead(this.status, Object.fromEntries(this.headers));
    outgoing.flushHeaders();
    const { promise: gone, resolve: go } = Promise.withResolvers<void>();
    outgoing.once('close', () => {
      go();
      void this.#events.return();
    });
    const keepAlive = setInterval(() => {
      if (!outgoing.writableNeedDrain) outgoing.write(': keep-alive\n\n');
    }, 1000 * this.#keepAliveSeconds);
    try {
      for await (const event of this.#events) {
        if (outgoing.destroyed) break;
        keepAlive.refresh();
        if (!outgoing.write(written(event)))
          await Promise.race([new Promise<void>((resolve) => outgoing.once('drain', resolve)), gone]);
      }
      outgoing.end();
    } finally {
      clearInterval(keepAlive);
    }
  }
}
