// For tests: a live server on this machine over a tiny model, and ways to ask it.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { TinyModel } from '../lm/tiny-model.testing.ts';
import { CHATML } from '../text/index.ts';
import { makeLog } from './http/log.ts';
import { type RunningServer, type ServerOptions, startServer } from './server.ts';

export interface LiveServer extends RunningServer {
  /** Lines of the log. */
  readonly lines: string[];
  /** `fetch` of a path of the server. */
  ask(path: string, init?: RequestInit): Promise<Response>;
  /** The JSON that a POST of JSON gives. */
  post(
    path: string,
    body: unknown,
    headers?: Record<string, string>,
    // biome-ignore lint/suspicious/noExplicitAny: what the test looks at.
  ): Promise<{ status: number; headers: Headers; body: any }>;
}

/** A tiny model whose folder has a chat template. */
export function chatModel(seed = 1): TinyModel {
  const tiny = new TinyModel(seed);
  const file = join(tiny.folder, 'tokenizer_config.json');
  const config = JSON.parse(readFileSync(file, 'utf8')) as object;
  writeFileSync(file, JSON.stringify({ ...config, chat_template: CHATML }));
  return tiny;
}

const usual = { port: 0, memoryBytes: 1 << 30, cacheBytes: 16 << 20, slots: 4, drainSeconds: 10 };

export async function startLive(options: Partial<ServerOptions> & Pick<ServerOptions, 'models'>): Promise<LiveServer> {
  const lines: string[] = [];
  const server = await startServer({ ...usual, log: makeLog((line) => lines.push(line)), ...options });
  await server.ready;
  const ask = (path: string, init?: RequestInit) => fetch(server.url + path, init);
  return {
    ...server,
    ...{ lines, ask },
    async post(path, body, headers = {}) {
      const response = await ask(path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      });
      return { status: response.status, headers: response.headers, body: await response.json() };
    },
  };
}

/** The server of all tests of a file: `tiny`, a base model, and `chat`, which has a template. */
export function liveServerOfFile(options: Partial<ServerOptions> = {}): {
  readonly server: LiveServer;
  readonly folders: { tiny: string; chat: string };
} {
  const made: { server?: LiveServer; folders?: { tiny: string; chat: string } } = {};
  const models: TinyModel[] = [];
  beforeAll(async () => {
    models.push(new TinyModel(1), chatModel(2));
    const [tiny, chat] = models.map(({ folder }) => folder) as [string, string];
    made.folders = { tiny, chat };
    made.server = await startLive({
      models: [
        { name: 'tiny', folder: tiny },
        { name: 'chat', folder: chat },
      ],
      ...options,
    });
  }, 120_000);
  afterAll(async () => {
    await made.server?.close();
    for (const model of models) model[Symbol.dispose]();
  });
  return made as { server: LiveServer; folders: { tiny: string; chat: string } };
}

/** The events of a stream: what each `data:` says. */
// biome-ignore lint/suspicious/noExplicitAny: what the test looks at.
export async function eventsOf(response: Response): Promise<any[]> {
  const text = await response.text();
  return text
    .split('\n\n')
    .filter((part) => part.startsWith('data: '))
    .map((part) => (part === 'data: [DONE]' ? '[DONE]' : JSON.parse(part.slice(6))));
}

/** A folder for files of a test file. */
export function scratchFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tsumugi-serve-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  return folder;
}
