// `GET /openapi.json`: the table of routes as an OpenAPI document.
import { z } from 'zod';
import { ownPackage } from '../base/index.ts';
import { json } from './http/json.ts';
import { type Route, route } from './route.ts';

/** `/v1/models/:model{.+}` → `/v1/models/{model}` */
const openapiPath = (path: string): string => path.replaceAll(/:(\w+)(\{[^}]*\})?/g, '{$1}');

const parametersOf = (path: string) =>
  Array.from(path.matchAll(/:(\w+)/g), ([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));

function operation({ path, summary, body, open }: Route): unknown {
  const parameters = parametersOf(path);
  return {
    summary,
    ...(parameters.length > 0 && { parameters }),
    ...(body && {
      requestBody: {
        required: true,
        // What may be sent, not what the schema makes of it.
        content: { 'application/json': { schema: z.toJSONSchema(body, { io: 'input', unrepresentable: 'any' }) } },
      },
    }),
    security: open ? [] : [{ key: [] }],
    responses: {
      '200': { description: 'The answer' },
      default: { description: 'An error: {"error": {"message", "type", "param", "code"}}' },
    },
  };
}

/** An OpenAPI 3.1 document of these routes. */
function openapiDocument(routes: readonly Route[]): unknown {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const each of routes) {
    const path = openapiPath(each.path);
    paths[path] = { ...paths[path], [each.method.toLowerCase()]: operation(each) };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'tsumugi', version: ownPackage().version },
    paths,
    components: { securitySchemes: { key: { type: 'http', scheme: 'bearer' } } },
  };
}

/** @param routes the table, which this route is part of */
export const openapiRoute = (routes: () => readonly Route[]): Route =>
  route({
    method: 'GET',
    path: '/openapi.json',
    summary: 'This document',
    answer: () => json(openapiDocument(routes())),
  });
