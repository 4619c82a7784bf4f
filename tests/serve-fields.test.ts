// docs/serve-fields.md against the schemas of the routes and the types of the official clients: every field has a row, and becomes what
// the row says.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { fieldsOf } from '../packages/tsumugi/src/serve/http/body-fields.ts';
import { routes } from '../packages/tsumugi/src/serve/routes.ts';
import { ended, said, scriptedServerOfFile } from '../packages/tsumugi/src/serve/scripted.testing.ts';
import { readPage, root } from './snippets.testing.ts';

type Fate = 'taken' | 'refused' | 'ignored';

/** Route → field → what becomes of it. */
const tables = new Map(
  readPage('serve-fields.md')
    .split(/^## /m)
    .slice(1)
    .map((part) => {
      const [, path] = /^POST (\S+)\n/.exec(part)!;
      const rows = [...part.matchAll(/^\| `(\w+)` \| (\w+) \|/gm)].map(([, field, fate]) => [field!, fate as Fate]);
      expect(rows.length, 'fields have one row each').toBe(new Set(rows.map(([field]) => field)).size);
      return [path!, new Map(rows as [string, Fate][])] as const;
    }),
);

const bodies = routes.flatMap(({ path, body }) => (body instanceof z.ZodObject ? [{ path, body }] : []));

/** The names in an interface of a client's types. */
function namesIn(file: string, name: string): string[] {
  const types = readFileSync(`${root}node_modules/${file}.d.ts`, 'utf8').replaceAll(/\/\*[\s\S]*?\*\//g, '');
  const [, fields] = new RegExp(`^export interface ${name} \\{\\n([\\s\\S]*?)^\\}`, 'm').exec(types)!;
  return [...fields!.matchAll(/^ {4}(\w+)\??:/gm)].map(([, field]) => field!);
}

const openai = 'openai/resources';
const anthropic = '@anthropic-ai/sdk/resources/beta/messages/messages';
const clients: readonly [path: string, file: string, name: string][] = [
  ['/v1/chat/completions', `${openai}/chat/completions/completions`, 'ChatCompletionCreateParamsBase'],
  ['/v1/completions', `${openai}/completions`, 'CompletionCreateParamsBase'],
  ['/v1/responses', `${openai}/responses/responses`, 'ResponseCreateParamsBase'],
  ['/v1/embeddings', `${openai}/embeddings`, 'EmbeddingCreateParams'],
  ['/v1/messages', anthropic, 'MessageCreateParamsBase'],
  ['/v1/messages/count_tokens', anthropic, 'MessageCountTokensParams'],
];

it('has a table for every route that takes a body', () => {
  expect([...tables.keys()].sort()).toEqual(bodies.map(({ path }) => path).sort());
});

it.each(bodies)('has the fields of the schema as they are: $path', ({ path, body }) => {
  const rows = [...tables.get(path)!];
  const with_ = (fate: Fate) => rows.filter(([, each]) => each === fate).map(([field]) => field);
  const { supported, refused } = fieldsOf(body);
  expect(with_('taken').sort()).toEqual(supported.sort());
  expect(with_('refused').sort()).toEqual(refused.sort());
});

it.each(clients)('has every field that the official client of %s sends', (path, file, name) => {
  const names = namesIn(file, name);
  expect(names.length).toBeGreaterThan(3);
  const table = tables.get(path)!;
  expect(names.filter((field) => !table.has(field))).toEqual([]);
  const ignored = [...table].filter(([, fate]) => fate === 'ignored').map(([field]) => field);
  expect(ignored.filter((field) => !names.includes(field))).toEqual([]);
});

describe('a field that is sent', () => {
  const server = scriptedServerOfFile();
  const messages = [{ role: 'user', content: 'a' }];
  const least: Record<string, object> = {
    '/v1/chat/completions': { model: 'chat', messages },
    '/v1/completions': { model: 'chat', prompt: 'a' },
    '/v1/responses': { model: 'chat', input: 'a' },
    '/v1/embeddings': { model: 'chat', input: 'a' },
    '/v1/messages': { model: 'chat', messages, max_tokens: 4 },
    '/v1/messages/count_tokens': { model: 'chat', messages },
    '/tokenize': { prompt: 'a' },
    '/detokenize': { tokens: [1] },
  };
  const post = async (path: string, body: object) => {
    const headers = { authorization: 'Bearer secret', 'content-type': 'application/json' };
    const response = await fetch(server.url + path, { method: 'POST', headers, body: JSON.stringify(body) });
    return { response, text: await response.text() };
  };
  const rows = bodies.flatMap(({ path }) => [...tables.get(path)!].map(([field, fate]) => ({ path, field, fate })));

  it.each(rows.filter(({ fate }) => fate === 'refused'))('is refused with its name: $path $field', async (row) => {
    const { response, text } = await post(row.path, { ...least[row.path], [row.field]: ['x'] });
    expect(response.status).toBe(400);
    expect(text).toContain(`"${row.field}`.replaceAll('"', '\\"'));
    server.script({ pieces: [said('b'), ended('stop')] });
    expect((await post(row.path, { ...least[row.path], [row.field]: null })).response.status).toBe(200);
  });

  it.each(rows.filter(({ fate }) => fate === 'ignored'))('is ignored, and named: $path $field', async (row) => {
    server.script({ pieces: [said('b'), ended('stop')] });
    const { response } = await post(row.path, { ...least[row.path], [row.field]: { any: 1 } });
    expect(response.status).toBe(200);
    expect(response.headers.get('x-tsumugi-ignored')).toBe(row.field);
  });

  it.each(bodies)('may be null where it may be left out: $path', async ({ path }) => {
    server.script({ pieces: [said('b'), ended('stop')] });
    const table = [...tables.get(path)!.keys()];
    const nulls = Object.fromEntries(table.map((field) => [field, null]));
    expect((await post(path, { ...nulls, ...least[path] })).response.status).toBe(200);
  });
});
