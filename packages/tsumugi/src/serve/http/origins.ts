// From which pages of a browser a server takes requests. Any page may send requests to this machine's own addresses, and may have a name
// of its own point to them (DNS rebinding): so the name by which the server was asked has to be one of its own, and a page of another
// origin has to be allowed.
import type { IncomingHttpHeaders } from 'node:http';
import { HttpError } from './http-error.ts';

export interface OriginRules {
  /** Origins whose pages may use the server (`https://chat.example`); `*` for all. */
  readonly cors: readonly string[];
  /** Names by which the server may be asked; undefined for any. */
  readonly hosts: readonly string[] | undefined;
}

const loopbackNames = ['localhost', '127.0.0.1', '[::1]'];

/** Whether only this machine reaches that address. */
export const isLoopback = (host: string): boolean =>
  /^(localhost|127(\.\d+){3}|::1|\[::1\])$/i.test(host) || host.endsWith('.localhost');

/** The rules of a server at `host`: where a key is needed, a page that has no key gets nothing by another name. */
export const originRules = (
  host: string,
  needsKey: boolean,
  { cors, hosts }: { cors: readonly string[]; hosts: readonly string[] },
): OriginRules => ({
  cors,
  hosts:
    isLoopback(host) && !needsKey
      ? [...loopbackNames, host.toLowerCase(), ...hosts.map((name) => name.toLowerCase())]
      : undefined,
});

const nameOf = (host: string): string => host.replace(/:\d*$/, '').toLowerCase();

/** @throws HttpError 403 */
export function checkOrigin(headers: IncomingHttpHeaders, rules: OriginRules): void {
  const { host = '', origin } = headers;
  if (rules.hosts && !rules.hosts.includes(nameOf(host)))
    throw new HttpError(403, 'host_not_allowed', `this server is not called ${JSON.stringify(host.slice(0, 100))}`, {
      remedy: 'Ask by localhost, or allow the name with --allow-host.',
    });
  if (origin === undefined || isAllowed(origin, rules) || isOwn(origin, host)) return;
  throw new HttpError(
    403,
    'origin_not_allowed',
    `pages of ${JSON.stringify(origin.slice(0, 100))} may not use this server`,
    {
      remedy: 'Allow the origin with --cors.',
    },
  );
}

const isAllowed = (origin: string, { cors }: OriginRules): boolean => cors.includes('*') || cors.includes(origin);

/** A page of the server itself. */
function isOwn(origin: string, host: string): boolean {
  return URL.canParse(origin) && new URL(origin).host === host.toLowerCase();
}

/** What lets a page of an allowed origin read answers. */
export function corsHeaders(origin: string | undefined, rules: OriginRules): Record<string, string> {
  if (rules.cors.length === 0) return {};
  if (origin === undefined || !isAllowed(origin, rules)) return { vary: 'Origin' };
  return {
    vary: 'Origin',
    'access-control-allow-origin': rules.cors.includes('*') ? '*' : origin,
    'access-control-expose-headers': 'x-request-id, x-tsumugi-cached, x-tsumugi-ignored, retry-after',
  };
}

/** The answer to a browser that asks before it sends. */
export const preflightHeaders = {
  'access-control-allow-methods': 'GET, POST, OPTIONS',
  'access-control-allow-headers':
    'authorization, content-type, x-api-key, x-request-id, anthropic-version, anthropic-beta',
  'access-control-max-age': '600',
} as const;
