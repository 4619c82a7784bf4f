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
  expect(schema.required.sort()).toEqual(['messages', 'model']);
});

it('says what may be sent, and not what becomes of it', async () => {
  const body = z.object({ count: z.string().transform(Number), size: z.int().default(3) });
  const route = { method: 'POST', path: '/x', summary: 's', body, answer: () => new Response() } as const;
  const schema = (await documentOf([route])).paths['/x'].post.requestBody.content['application/json'].schema;
  expect([schema.properties.count.type, schema.required]).toEqual(['string', ['count']]);
});
