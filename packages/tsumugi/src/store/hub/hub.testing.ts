// For tests: a hub on this machine. It speaks the part of the Hugging Face Hub's API that its clients use to download: what a
// model is, the listing of a commit (page by page), its branches and tags, an owner's models, and files with ETags and ranges;
// large files are redirected to another address, as the hub redirects to its CDN. What goes wrong is a function of the request.
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export const sha256Of = (content: Buffer | string) => createHash('sha256').update(content).digest('hex');
export const gitSha1Of = (content: Buffer) =>
  createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex');

export interface HubModel {
  /** Commit → path → content. The last is the branch "main", unless `refs` has one. */
  commits: Record<string, Record<string, Buffer | string>>;
  branches?: Record<string, string>;
  tags?: Record<string, string>;
  /** Files are for those who send this token. */
  gatedFor?: string;
  licence?: string;
}

/** What was asked, and how it was answered. */
export interface Asked {
  /** "hub", or "cdn" for where large files lie. */
  at: 'hub' | 'cdn';
  method: string;
  path: string;
  range: string | undefined;
  authorization: string | undefined;
}

/** Answers a request in place of the hub; false leaves it to the hub. */
export type Fault = (asked: Asked, response: ServerResponse, content: Buffer | undefined) => boolean;

export class HubServer implements AsyncDisposable {
  readonly models: Record<string, HubModel>;
  readonly asked: Asked[] = [];
  fault: Fault = () => false;
  /** Entries on a page of a listing. */
  pageSize = 1000;
  /** Files of this size and more lie beside git, at the other address. */
  largeBytes = 100;
  endpoint = '';
  cdn = '';
  readonly #servers: Server[] = [];

  private constructor(models: Record<string, HubModel>) {
    this.models = models;
  }

  static async start(models: Record<string, HubModel>): Promise<HubServer> {
    const server = new HubServer(models);
    server.endpoint = await server.#listen('hub');
    server.cdn = (await server.#listen('cdn')).replace('127.0.0.1', 'localhost'); // another host, by its name
    return server;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.#servers) {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    }
  }

  /** The paths that were asked for, of files alone. */
  get filesAsked(): string[] {
    return this.asked.flatMap(({ path }) => /\/resolve\/[^/]+\/(.+)$/.exec(path)?.[1] ?? []);
  }

  async #listen(at: Asked['at']): Promise<string> {
    const server = createServer((request, response) => this.#answer(at, request, response));
    this.#servers.push(server);
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  #answer(at: Asked['at'], request: IncomingMessage, response: ServerResponse): unknown {
    const url = new URL(request.url!, 'http://hub');
    const { range, authorization } = request.headers;
    const asked = { at, method: request.method!, path: decodeURIComponent(url.pathname), range, authorization };
    this.asked.push(asked);
    const found = this.#find(asked.path);
    if (this.fault(asked, response, found?.content)) return undefined;
    if (at === 'cdn') return sendContent(request, response, this.#blob(asked.path.slice(1))!);
    const [, rest] = /^\/api\/models(\/.*)?$/.exec(asked.path) ?? [];
    if (/^\/api\/models\/?$/.test(asked.path)) return this.#ownersModels(url, response);
    const name = /^\/([^/]+\/[^/]+)/.exec(rest ?? asked.path)?.[1] ?? '';
    const model = this.models[name];
    if (!model) return refuse(response, 401, 'RepoNotFound', 'Invalid username or password.');
    if (rest !== undefined) return this.#api(name, model, rest.slice(name.length + 1), request, response);
    if (model.gatedFor !== undefined && authorization !== `Bearer ${model.gatedFor}`)
      return refuse(response, authorization ? 403 : 401, 'GatedRepo', `Access to model ${name} is restricted.`);
    if (found === undefined) return refuse(response, 404, 'EntryNotFound', 'Entry not found');
    return this.#sendFile(request, response, found);
  }

  #ownersModels(url: URL, response: ServerResponse): void {
    const names = Object.keys(this.models).filter((name) => name.startsWith(`${url.searchParams.get('author')}/`));
    json(
      response,
      names.map((id) => ({
        _id: sha256Of(id).slice(0, 24),
        id,
        private: false,
        likes: 0,
        downloads: 0,
        lastModified: '2026-01-01T00:00:00.000Z',
      })),
    );
  }

  #api(name: string, model: HubModel, rest: string, request: IncomingMessage, response: ServerResponse): unknown {
    const url = new URL(request.url!, 'http://hub');
    const [, kind, revision] = /^\/(revision|tree|refs|paths-info)(?:\/(.+))?$/.exec(rest) ?? [];
    if (kind === 'paths-info') return this.#pathsInfo(model, revision!, request, response);
    if (kind === 'refs') {
      const list = (refs: Record<string, string>) =>
        Object.entries(refs).map(([each, commit]) => ({ name: each, targetCommit: commit }));
      return json(response, { branches: list(branchesOf(model)), tags: list(model.tags ?? {}), converts: [] });
    }
    const commit = commitOf(model, revision ?? 'main');
    if (commit === undefined) return refuse(response, 404, 'RevisionNotFound', `Invalid rev id: ${revision}`);
    const files = Object.entries(model.commits[commit]!);
    if (kind === 'revision') {
      const siblings = files.map(([rfilename]) => ({ rfilename }));
      const facts = {
        private: false,
        gated: model.gatedFor ? 'manual' : false,
        likes: 0,
        downloads: 0,
        lastModified: '2026-01-01T00:00:00.000Z',
      };
      return json(response, {
        _id: '0'.repeat(24),
        id: name,
        modelId: name,
        sha: commit,
        siblings,
        ...facts,
        ...(model.licence && { cardData: { license: model.licence } }),
      });
    }
    return this.#tree(files, url, response);
  }

  #tree(files: [string, Buffer | string][], url: URL, response: ServerResponse): void {
    const recursive = /^(true|1)$/i.test(url.searchParams.get('recursive') ?? '');
    const folders = new Set(files.flatMap(([path]) => (path.includes('/') ? [path.split('/')[0]!] : [])));
    const entries = [
      ...[...folders].map((path) => ({ type: 'directory', oid: '1'.repeat(40), size: 0, path })),
      ...files
        .filter(([path]) => recursive || !path.includes('/'))
        .map(([path, content]) => this.#entry(path, Buffer.from(content))),
    ];
    const from = Number(url.searchParams.get('cursor') ?? 0);
    const next = from + this.pageSize;
    if (next < entries.length) {
      url.searchParams.set('cursor', String(next));
      response.setHeader('link', `<${this.endpoint}${url.pathname}${url.search}>; rel="next"`);
    }
    json(response, entries.slice(from, next));
  }

  /** What `@huggingface/hub` asks before it fetches a file. */
  #pathsInfo(model: HubModel, revision: string, request: IncomingMessage, response: ServerResponse): void {
    let body = '';
    request.on('data', (piece) => (body += piece));
    request.on('end', () => {
      const { paths } = JSON.parse(body) as { paths: string[] };
      const commit = commitOf(model, revision)!;
      const lastCommit = { id: commit, title: '', date: '2026-01-01T00:00:00.000Z' };
      const content = (path: string) => Buffer.from(model.commits[commit]![path]!);
      json(
        response,
        paths.map((path) => ({ ...this.#entry(path, content(path)), lastCommit })),
      );
    });
  }

  #entry(path: string, content: Buffer) {
    if (content.length < this.largeBytes) return { type: 'file', oid: gitSha1Of(content), size: content.length, path };
    const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${sha256Of(content)}\nsize ${content.length}\n`;
    const lfs = { oid: sha256Of(content), size: content.length, pointerSize: pointer.length };
    return { type: 'file', oid: gitSha1Of(Buffer.from(pointer)), size: content.length, lfs, path };
  }

  #find(path: string): { commit: string; content: Buffer } | undefined {
    const [, name, revision, file] = /^\/([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(path) ?? [];
    const model = this.models[name ?? ''];
    const commit = model && commitOf(model, revision!);
    const content = commit === undefined ? undefined : model!.commits[commit]![file!];
    return content === undefined ? undefined : { commit: commit!, content: Buffer.from(content) };
  }

  #blob(hash: string): Buffer | undefined {
    return Object.values(this.models)
      .flatMap(({ commits }) => Object.values(commits).flatMap((files) => Object.values(files)))
      .map((content) => Buffer.from(content))
      .find((content) => sha256Of(content) === hash);
  }

  #sendFile(request: IncomingMessage, response: ServerResponse, found: { commit: string; content: Buffer }): unknown {
    const { commit, content } = found;
    response.setHeader('x-repo-commit', commit);
    if (content.length < this.largeBytes) {
      response.setHeader('etag', `"${gitSha1Of(content)}"`);
      return sendContent(request, response, content);
    }
    const hash = sha256Of(content);
    response.setHeader('x-linked-etag', `"${hash}"`).setHeader('x-linked-size', content.length);
    response.setHeader('etag', `"${hash}"`);
    return response.writeHead(302, { location: `${this.cdn}/${hash}` }).end();
  }
}

const branchesOf = ({ commits, branches }: HubModel): Record<string, string> => ({
  main: Object.keys(commits).at(-1)!,
  ...branches,
});

const commitOf = (model: HubModel, revision: string): string | undefined =>
  Object.hasOwn(model.commits, revision) ? revision : { ...branchesOf(model), ...model.tags }[revision];

export function json(response: ServerResponse, value: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(value));
}

export function refuse(response: ServerResponse, status: number, code: string, message: string): void {
  response.setHeader('x-error-code', code).setHeader('x-error-message', message);
  json(response, { error: message }, status);
}

/** The whole, or the part that the Range asks for. */
export function sendContent(request: IncomingMessage, response: ServerResponse, content: Buffer): unknown {
  if (!response.hasHeader('etag')) response.setHeader('etag', `"${sha256Of(content)}"`);
  response.setHeader('accept-ranges', 'bytes').setHeader('content-type', 'application/octet-stream');
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
  const start = Number(range?.[1] ?? 0);
  const end = Math.min(content.length - 1, range?.[2] ? Number(range[2]) : content.length - 1);
  if (range && start >= content.length)
    return response.writeHead(416, { 'content-range': `bytes */${content.length}` }).end();
  const part = content.subarray(start, end + 1);
  response.setHeader('content-length', part.length);
  if (range) response.writeHead(206, { 'content-range': `bytes ${start}-${end}/${content.length}` });
  return response.end(request.method === 'HEAD' ? undefined : part);
}
