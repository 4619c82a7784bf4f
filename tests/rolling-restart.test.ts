// Two servers behind a small proxy are replaced one after the other under load, and no request fails. The proxy does what balancers do: it
// asks each server whether it is ready, and sends requests to those that were when it last asked. It repeats nothing.
import { Agent, createServer, type IncomingHttpHeaders, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, it } from 'vitest';
import { Served } from '../bench/lib/served.ts';
import { inTime } from '../packages/tsumugi/src/base/thorough.testing.ts';
import { TinyModel } from '../packages/tsumugi/src/lm/tiny-model.testing.ts';

const tiny = new TinyModel(3);
afterAll(() => tiny[Symbol.dispose]());

const start = () => Served.start(tiny.folder, ['--port', '0', '--drain-delay', '1']);

/** Headers without those that are between two neighbours, as a proxy passes them on. */
const passedOn = ({ connection: _, 'keep-alive': __, ...headers }: IncomingHttpHeaders): IncomingHttpHeaders => headers;

class Balancer implements AsyncDisposable {
  readonly #agent = new Agent({ keepAlive: true });
  readonly #server: Server;
  readonly #watch: NodeJS.Timeout;
  #turn = 0;
  backends: { url: string; ready: boolean; served: number }[] = [];
  /** What a client would have been told of. */
  readonly failures: string[] = [];

  constructor() {
    this.#server = createServer((incoming, outgoing) => {
      const ready = this.backends.filter((each) => each.ready);
      const backend = ready[this.#turn++ % Math.max(1, ready.length)];
      if (!backend) {
        this.failures.push('no server is ready');
        outgoing.writeHead(502).end();
        return;
      }
      const { method } = incoming;
      const headers = passedOn(incoming.headers);
      const sent = request(backend.url + incoming.url, { method, headers, agent: this.#agent }, (answer) => {
        backend.served++;
        outgoing.writeHead(answer.statusCode!, passedOn(answer.headers));
        answer.pipe(outgoing);
      });
      sent.on('error', ({ message }) => {
        this.failures.push(message);
        outgoing.destroy();
      });
      incoming.pipe(sent);
    });
    this.#watch = setInterval(() => {
      for (const backend of this.backends)
        fetch(`${backend.url}/health`).then(
          ({ ok }) => {
            backend.ready = ok;
          },
          () => {
            backend.ready = false;
          },
        );
    }, 100);
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  add({ url }: Served): void {
    this.backends.push({ url, ready: true, served: 0 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#watch);
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    this.#agent.destroy();
  }
}

/** Answers that are still written when their server is told to end, and short ones, of which many come in the meantime. */
const lengths = [64, 2, 2, 2];

const body = (max_tokens: number, stream: boolean) =>
  JSON.stringify({ model: 'm', prompt: '吾輩は猫', max_tokens, temperature: 0, ignore_eos: true, stream });

/** The text of an answer, which must be whole. */
async function ask(url: string, maxTokens: number, stream: boolean): Promise<string> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${url}/v1/completions`, { method: 'POST', headers, body: body(maxTokens, stream) });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${response.status} ${text}`);
  if (!stream) return JSON.parse(text).choices[0].text;
  const events = text.split('\n\n').filter((event) => event.startsWith('data: '));
  if (events.pop() !== 'data: [DONE]') throw new Error(`a stream ended early: ${text.slice(-100)}`);
  return events.map((event) => JSON.parse(event.slice(6)).choices[0]?.text ?? '').join('');
}

it('a rolling restart under load fails no request', { timeout: 600_000 }, async () => {
  const started = await Promise.all([start(), start()]);
  await using stack = new AsyncDisposableStack();
  for (const server of started) stack.use(server);
  await using proxy = new Balancer();
  for (const server of started) proxy.add(server);
  const url = await proxy.listen();
  const expected = new Map<number, string>();
  for (const length of lengths) expected.set(length, await ask(url, length, false));

  let done = false;
  let answers = 0;
  const failed: string[] = [];
  const client = async (index: number) => {
    for (let k = index; !done; k++) {
      const length = lengths[k % lengths.length]!;
      const text = await ask(url, length, k % 3 === 0).catch((error: Error) => `failed: ${error.message}`);
      if (text !== expected.get(length)) failed.push(text);
      answers++;
    }
  };
  const clients = Promise.all(Array.from({ length: inTime(2, 4) }, (_, index) => client(index)));
  const codes: number[] = [];
  for (const old of started) {
    const next = stack.use(await start());
    proxy.add(next);
    await sleep(200);
    const before = answers;
    old.terminate();
    codes.push(await old.ended);
    expect(answers, 'requests went on meanwhile').toBeGreaterThan(before);
  }
  done = true;
  await clients;
  expect({ failed, failures: proxy.failures, codes }).toEqual({ failed: [], failures: [], codes: [0, 0] });
  for (const { served } of proxy.backends) expect(served).toBeGreaterThan(0);
});

it('a server that is told to end says so at once, and takes requests until the delay is over', {
  timeout: 120_000,
}, async () => {
  await using server = await start();
  server.terminate();
  // The signal is looked at ten times a second.
  let health = await fetch(`${server.url}/health`);
  for (let tries = 0; health.status === 200 && tries < 100; tries++) {
    await sleep(20);
    health = await fetch(`${server.url}/health`);
  }
  expect([health.status, await health.json()]).toEqual([503, { status: 'draining' }]);
  expect(await ask(server.url, 2, true)).not.toBe('');
  expect(await server.ended).toBe(0);
  await expect(fetch(`${server.url}/health`)).rejects.toThrow();
});
