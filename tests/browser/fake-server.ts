// A server that speaks the endpoints which the chat page uses, and answers as a test tells it to: slowly, with an error, cut off.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { pageFile } from '../../packages/tsumugi/src/serve/page/page-file.ts';

export interface Reply {
  pieces?: readonly string[];
  /** Milliseconds before each piece. */
  pause?: number;
  /** Waits before each piece, by its place, as long as the test likes. */
  gate?: (piece: number) => Promise<unknown>;
  finish?: string;
  usage?: object;
  /** After the pieces: the connection is cut, or nothing comes any more. */
  after?: 'cut' | 'hang';
  /** An answer that is no stream. */
  status?: number;
  headers?: Record<string, string>;
  message?: string;
}

export interface Asked {
  path: string;
  authorization: string | undefined;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into what was sent
  body: any;
}

export class FakeServer implements AsyncDisposable {
  readonly asked: Asked[] = [];
  /** What the next requests get, one each; the last one stays. */
  replies: Reply[] = [{ pieces: ['Hello'] }];
  models: object[] = [{ id: 'tiny', object: 'model' }];
  key: string | undefined;
  /** How many answers were given up by the page. */
  givenUp = 0;
  readonly #server = createServer((request, response) => this.#answer(request, response));

  static async start(): Promise<FakeServer> {
    const made = new FakeServer();
    made.#server.listen(0, '127.0.0.1');
    await once(made.#server, 'listening');
    return made;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url!;
    const file = pageFile(path === '/' ? 'index.html' : path.replace('/page/', ''));
    if (file) {
      response.writeHead(200, file.headers).end(file.body);
      return;
    }
    const body = await text(request);
    const { authorization } = request.headers;
    if (this.key !== undefined && authorization !== `Bearer ${this.key}`)
      return fail(response, { status: 401, message: 'this server wants a key' });
    if (path === '/v1/models') {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ object: 'list', data: this.models }));
      return;
    }
    if (!path.startsWith('/v1/')) return fail(response, { status: 404, message: 'there is nothing here' });
    this.asked.push({ path, authorization, body: JSON.parse(body) });
    const reply = this.replies.length > 1 ? this.replies.shift()! : this.replies[0]!;
    if (reply.status) return fail(response, reply);
    await this.#stream(response, reply, path === '/v1/completions');
  }

  async #stream(response: ServerResponse, reply: Reply, isText: boolean): Promise<void> {
    response.on('close', () => response.writableFinished || this.givenUp++);
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const send = (data: object) => response.write(`data: ${JSON.stringify(data)}\n\n`);
    response.write(': a comment, as keep-alives are\n\n');
    for (const [i, piece] of (reply.pieces ?? []).entries()) {
      await (reply.gate?.(i) ?? pause(reply.pause ?? 0));
      if (response.destroyed) return;
      const choice = isText ? { text: piece } : { delta: { content: piece } };
      send({ choices: [{ index: 0, ...choice, finish_reason: null }] });
    }
    if (reply.after === 'hang') return;
    if (reply.after === 'cut') {
      await pause(500); // what was written arrives first
      response.destroy();
      return;
    }
    const end = isText ? { text: '' } : { delta: {} };
    send({ choices: [{ index: 0, ...end, finish_reason: reply.finish ?? 'stop' }] });
    if (reply.usage) send({ choices: [], usage: reply.usage });
    response.end('data: [DONE]\n\n');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

function fail(response: ServerResponse, { status = 500, message, headers }: Reply): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(message === undefined ? '<h1>no JSON</h1>' : JSON.stringify({ error: { message, type: 'error' } }));
}
