// Exchanges with a hub, request by request: where the token goes, what is followed, how often something is tried.
import { afterEach, expect, it, vi } from 'vitest';
import { HubClient, type HubClientOptions } from './hub-client.ts';

afterEach(() => void vi.unstubAllGlobals());

interface Asked {
  readonly url: string;
  readonly headers: Record<string, string>;
}

/** A client of a hub that answers with `answer`, and what was asked. */
function clientOf(
  answer: (asked: Asked, signal: AbortSignal) => Response | Promise<Response>,
  options: HubClientOptions = {},
) {
  const asked: Asked[] = [];
  vi.stubGlobal(
    'fetch',
    async (url: URL, { headers, signal }: { headers: Record<string, string>; signal: AbortSignal }) => {
      asked.push({ url: String(url), headers });
      return await answer(asked.at(-1)!, signal);
    },
  );
  const place = { endpoint: 'https://hub.example', cache: '', offline: false };
  const name = { repo: 'a/b', revision: undefined };
  const client = new HubClient(
    place,
    name,
    { value: 'hf_secret', from: 'HF_TOKEN' },
    { retryDelaySeconds: 0.001, ...options },
  );
  const receive = async (): Promise<string> => {
    let text = '';
    await client.receive(
      'https://hub.example/file',
      {},
      () => {},
      (piece) => {
        text += Buffer.from(piece);
      },
    );
    return text;
  };
  return { client, asked, receive };
}
const to = (location: string) => new Response(null, { status: 302, headers: { location } });

it.each([
  ['another host', 'https://cdn.example/x'],
  ['another port of the same host', 'https://hub.example:8443/x'],
  ['a name below it', 'https://cdn.hub.example/x'],
])('sends no token to %s', async (_, elsewhere) => {
  const { asked, receive } = clientOf(({ url }) => (url === elsewhere ? new Response('content') : to(elsewhere)));
  expect(await receive()).toBe('content');
  expect(asked.map(({ url, headers }) => [url, headers['authorization']])).toEqual([
    ['https://hub.example/file', 'Bearer hf_secret'],
    [elsewhere, undefined],
  ]);
});

it('asks for bytes as they are, of which it may ask for parts', async () => {
  const { asked, receive } = clientOf(() => new Response('content'));
  await receive();
  expect(asked[0]!.headers).toMatchObject({ 'accept-encoding': 'identity', 'user-agent': 'tsumugi' });
});

it('does not go from https to http', async () => {
  const { asked, receive } = clientOf(() => to('http://hub.example/file'));
  await expect(receive()).rejects.toMatchObject({ code: 'hub-answer' });
  expect(asked).toHaveLength(1);
});

it('follows ten redirections and no more', async () => {
  let hops = 0;
  const ten = clientOf(() => (hops++ < 10 ? to(`/${hops}`) : new Response('there')));
  expect(await ten.receive()).toBe('there');
  const circle = clientOf(() => to('/again'));
  await expect(circle.receive()).rejects.toThrow('redirects more than 10 times');
  expect(circle.asked).toHaveLength(11);
});

it('tries again so often, and never an address at which nobody answers', async () => {
  const busy = clientOf(() => new Response('{}', { status: 503 }), { retries: 2 });
  await expect(busy.client.fetch('https://hub.example/api')).rejects.toMatchObject({ code: 'hub-busy' });
  expect(busy.asked).toHaveLength(3);
  const refused = clientOf(() => {
    throw new TypeError('fetch failed', { cause: Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }) });
  });
  await expect(refused.client.fetch('https://hub.example/api')).rejects.toMatchObject({ code: 'hub-unreachable' });
  expect(refused.asked).toHaveLength(1);
});

it('ends what is silent, and not what is slow', async () => {
  const slow = (pause: number) => (_: Asked, signal: AbortSignal) => {
    let sent = 0;
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        await new Promise((resolve, reject) => {
          const timer = setTimeout(resolve, pause);
          signal.addEventListener('abort', () => {
            clearTimeout(timer);
            reject(signal.reason);
          });
        });
        if (sent++ === 6) controller.close();
        else controller.enqueue(Buffer.from('.'));
      },
    });
    return new Response(body);
  };
  const steady = clientOf(slow(100), { silenceSeconds: 0.4 }); // 0.7 s in all
  expect(await steady.receive()).toBe('......');
  const silent = clientOf(slow(5000), { silenceSeconds: 0.1 });
  await expect(silent.receive()).rejects.toThrow('no byte in 0.1 s');
});

it('takes no listing that is nested without end', async () => {
  const { client } = clientOf(() => new Response(`${'['.repeat(100_000)}${']'.repeat(100_000)}`));
  await expect(client.fetch('https://hub.example/api')).rejects.toThrow('answers with JSON that');
});

it('writes what a name holds as parts of an address, and no more', () => {
  const { client } = clientOf(() => new Response(''));
  expect(client.address('a', 'b', 'resolve', 'main', 'x #1?.json')).toBe(
    'https://hub.example/a/b/resolve/main/x%20%231%3F.json',
  );
});
