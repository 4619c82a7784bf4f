// The OpenAPI document says of every route what the router does with it.
import { expect, it } from 'vitest';
import { z } from 'zod';
import { openapiRoute } from './openapi.ts';
import type { Route } from './route.ts';
import { routes } from './routes.ts';

async function documentOf(table: readonly Route[]) {
  const response = await openapiRoute(() => table).answer({} as never, {} as never);
  // biome-ignore lint/suspicious/noExplicitAny: what the test looks at
  return (await response.json()) as any;
}

it('has every route, with a key but for the open one', async () => {
  const { openapi, paths, components } = await documentOf(routes);
  expect(openapi).toBe('3.1.0');
  expect(components.securitySchemes.key).toEqual({ type: 'http', scheme: 'bearer' });
  const told = Object.entries<Record<string, { security: unknown[] }>>(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { security }]) => [method, path, security.length > 0]),
  );
  const plain = (path: string) => path.replaceAll(/:(\w+)(\{[^}]*\})?/g, '{$1}');
  expect(told.sort()).toEqual(
    routes.map(({ method, path, open }) => [method.toLowerCase(), plain(path), open !== true]).sort(),
  );
});

it('names what stands in a path, and what a body needs', async () => {
  const { paths } = await documentOf(routes);
  expect(paths['/v1/models/{model}'].get.parameters).toEqual([
    { name: 'model', in: 'path', required: true, schema: { type: 'string' } },
  ]);
  expect(paths['/v1/models'].get).not.toHaveProperty('parameters');
  const schema = paths['/v1/chat/completions'].post.requestBody.content['application/json'].schema;
  // The model may be left out where one is served.
  expect(schema.required).toEqual(['messages']);
});

it('says what may be sent, and not what becomes of it', async () => {
  const body = z.object({ count: z.string().transform(Number), size: z.int().default(3) });
  const route = { method: 'POST', path: '/x', summary: 's', body, answer: () => new Response() } as const;
  const schema = (await documentOf([route])).paths['/x'].post.requestBody.content['application/json'].schema;
  expect([schema.properties.count.type, schema.required]).toEqual(['string', ['count']]);
});

it('is a document of OpenAPI 3.1, as far as its shape goes', async () => {
  const { openapi, info, paths, components, ...rest } = await documentOf(routes);
  expect([openapi, Object.keys(rest)]).toEqual(['3.1.0', []]);
  expect([info.title, info.version].every((text) => typeof text === 'string' && text !== '')).toBe(true);
  for (const [path, methods] of Object.entries<Record<string, Record<string, unknown>>>(paths)) {
    expect(path).toMatch(/^\/[^?#]*$/);
    for (const [method, operation] of Object.entries(methods)) {
      expect(['get', 'post']).toContain(method);
      const own = ['summary', 'parameters', 'requestBody', 'security', 'responses'];
      expect(Object.keys(operation).filter((key) => !own.includes(key))).toEqual([]);
      const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      const parameters = (operation['parameters'] ?? []) as { name: string; in: string; required: boolean }[];
      expect(parameters.map((each) => [each.name, each.in, each.required])).toEqual(
        named.map((name) => [name, 'path', true]),
      );
      for (const [status, { description }] of Object.entries(
        operation['responses'] as Record<string, { description: unknown }>,
      )) {
        expect(status).toMatch(/^([1-5]\d\d|default)$/);
        expect(description).toBeTypeOf('string');
      }
      for (const scheme of operation['security'] as object[])
        for (const name of Object.keys(scheme)) expect(components.securitySchemes).toHaveProperty(name);
    }
  }
  // Every reference finds something.
  const text = JSON.stringify(paths);
  expect(text).not.toContain('"$ref":"#/components/');
});

it('has schemas that take what clients send', async () => {
  const { paths } = await documentOf(routes);
  const schemaOf = (path: string) => z.fromJSONSchema(paths[path].post.requestBody.content['application/json'].schema);
  const messages = [{ role: 'user', content: '猫は？' }];
  const parameters = { type: 'object', properties: { 場所: { type: 'string' } } };
  const sent: [path: string, body: object][] = [
    [
      '/v1/completions',
      { model: 'm', prompt: ['a', 'b'], echo: true, logprobs: 1, max_tokens: -1, seed: 2 ** 63, stop: null },
    ],
    ['/v1/completions', { prompt: [[1, 2], [3]], stream: true, stream_options: { include_usage: true } }],
    [
      '/v1/chat/completions',
      { messages, tools: [{ type: 'function', function: { name: 'f', parameters } }], tool_choice: 'auto' },
    ],
    [
      '/v1/chat/completions',
      { messages, response_format: { type: 'json_schema', json_schema: { name: 'x', schema: parameters } } },
    ],
    [
      '/v1/responses',
      { input: '猫', tools: [{ type: 'function', name: 'f', parameters, strict: true }], store: false },
    ],
    ['/v1/responses', { input: messages, text: { format: { type: 'text' } } }],
    ['/v1/messages', { model: 'm', max_tokens: 5, messages, tools: [{ name: 'f', input_schema: parameters }] }],
    ['/v1/embeddings', { model: 'm', input: ['a'], encoding_format: 'base64' }],
    ['/tokenize', { messages }],
    ['/detokenize', { tokens: [1] }],
  ];
  for (const [path, body] of sent) expect(schemaOf(path).safeParse(body), path).toMatchObject({ success: true });
  expect(schemaOf('/v1/chat/completions').safeParse({ messages: 'a' }).success).toBe(false);
  expect(schemaOf('/v1/messages').safeParse({ messages }).success).toBe(false);
});
