// An answer is read whole or not at all: one that never ends, or that unpacks without end, is given up.
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, expect, it } from 'vitest';
import { exchange, LateAnswer } from './openai-exchange.ts';

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

async function ask(listener: RequestListener, seconds = 20) {
  server = createServer(listener);
  await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return exchange(`http://127.0.0.1:${port}/`, { method: 'GET', headers: {}, seconds });
}

const piece = Buffer.alloc(1 << 20, 0x20);

it('reads answers as they come, packed or not', async () => {
  expect(await ask((_, response) => response.end('猫'))).toMatchObject({ status: 200, text: '猫' });
  const packed = await ask((_, response) => response.setHeader('content-encoding', 'gzip').end(gzipSync('猫')));
  expect(packed.text).toBe('猫');
});

it('gives up an answer that does not end', async () => {
  let sent = 0;
  const endless: RequestListener = (_, response) => {
    const more = () => {
      while (!response.destroyed && response.write(piece)) sent++;
    };
    response.on('drain', more);
    more();
  };
  await expect(ask(endless)).rejects.toThrow('longer than 64 MiB');
  expect(sent).toBeLessThan(200);
});

it('gives up an answer that unpacks to too much', async () => {
  const bomb = gzipSync(Buffer.alloc(65 << 20));
  await expect(ask((_, response) => response.setHeader('content-encoding', 'gzip').end(bomb))).rejects.toThrow();
});

it('waits no longer than it may for the first word, and for the last', async () => {
  const began = performance.now();
  await expect(ask(() => {}, 0.2)).rejects.toBeInstanceOf(LateAnswer);
  await expect(ask((_, response) => response.write('{'), 0.2)).rejects.toBeInstanceOf(LateAnswer);
  expect(performance.now() - began).toBeLessThan(10_000);
});
