// Server-sent events. What comes is pulled: nothing is made for a client that does not read, but what the engine sends meanwhile.

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

/** @param events must end by themselves, telling of errors in events: the status has been sent */
export function eventStream(
  events: AsyncGenerator<ServerEvent, void>,
  {
    keepAliveSeconds = KEEP_ALIVE_SECONDS,
    headers = {},
  }: { keepAliveSeconds?: number; headers?: Record<string, string> } = {},
): Response {
  const encoder = new TextEncoder();
  let coming: Promise<IteratorResult<ServerEvent, void>> | undefined;
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        coming ??= events.next();
        const { promise: quiet, resolve } = Promise.withResolvers<undefined>();
        const timer = setTimeout(resolve, 1000 * keepAliveSeconds, undefined);
        const next = await Promise.race([coming, quiet]).finally(() => clearTimeout(timer));
        if (next === undefined) return controller.enqueue(encoder.encode(': keep-alive\n\n'));
        coming = undefined;
        if (next.done) controller.close();
        else controller.enqueue(encoder.encode(written(next.value)));
      },
      cancel() {
        void events.return();
      },
    },
    { highWaterMark: 0 },
  );
  return new Response(body, {
    headers: {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache',
      // nginx gathers what it passes on, unless it is told not to.
      'x-accel-buffering': 'no',
      ...headers,
    },
  });
}
