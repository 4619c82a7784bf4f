// For tests: what clients do that no HTTP library would.
import { connect, type Socket } from 'node:net';

export interface RawClient {
  readonly socket: Socket;
  /** What has come so far. */
  readonly got: () => string;
  /** Resolves when the server has closed the connection. */
  readonly closed: Promise<void>;
  /** Resolves when what has come fits. @throws after ten seconds */
  until(test: (got: string) => boolean): Promise<void>;
}

/** Sends these bytes. */
export function rawClient(url: string, bytes: string | Uint8Array = ''): RawClient {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let got = '';
  socket.on('data', (data) => {
    got += data.toString();
  });
  socket.on('error', () => {});
  socket.write(bytes);
  const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()));
  const until = async (test: (text: string) => boolean) =>
    waitFor(
      () => test(got),
      () => `only this came: ${got}`,
    );
  return { socket, got: () => got, closed, until };
}

/** A POST of JSON as it goes over the wire. */
export function rawPost(path: string, body: unknown, headers: readonly string[] = []): string {
  const text = JSON.stringify(body);
  return [
    `POST ${path} HTTP/1.1`,
    'Host: localhost',
    `Content-Length: ${Buffer.byteLength(text)}`,
    ...headers,
    '',
    text,
  ].join('\r\n');
}

/** Waits until something is so. @throws when that takes longer */
export async function waitFor(
  test: () => boolean | Promise<boolean>,
  otherwise: () => string = () => 'it did not come',
  milliseconds = 20_000,
): Promise<void> {
  const end = performance.now() + milliseconds;
  while (!(await test())) {
    if (performance.now() > end) throw new Error(otherwise());
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
