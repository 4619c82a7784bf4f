// The keys that open a server. What is compared are hashes, so that neither the time nor the length tells anything of a key.
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { ConfigError } from '../../base/index.ts';
import { HttpError } from './http-error.ts';
import { isLoopback } from './origins.ts';

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

export class Keys {
  readonly #digests: readonly Buffer[];

  constructor(keys: readonly string[]) {
    this.#digests = keys.map(digest);
  }

  /** Whether a key is needed. */
  get needed(): boolean {
    return this.#digests.length > 0;
  }

  /** @throws HttpError 401. `askBrowser`: a person's browser is to ask for the key. */
  check(headers: IncomingHttpHeaders, askBrowser = false): void {
    if (!this.needed) return;
    const given = keyIn(headers);
    const remedy = 'Send it as "Authorization: Bearer KEY" or as "x-api-key: KEY".';
    const details = { remedy, headers: { 'www-authenticate': askBrowser ? 'Basic realm="tsumugi"' : 'Bearer' } };
    if (given === undefined) throw new HttpError(401, 'missing_api_key', 'this server needs an API key', details);
    if (!this.#holds(given))
      throw new HttpError(401, 'invalid_api_key', 'the API key is not one of this server', details);
  }

  #holds(key: string): boolean {
    const asked = digest(key);
    // Every one is looked at: how long it takes does not tell which.
    return this.#digests.map((each) => timingSafeEqual(each, asked)).includes(true);
  }
}

/** @throws ConfigError for a server that others could reach and ask without one */
export function requireKey(host: string, keys: readonly string[]): void {
  if (isLoopback(host) || keys.length > 0) return;
  throw new ConfigError('no-api-key', `a server at ${host} can be reached from other machines, and has no key`, {
    remedy: 'Give it one with --api-key-file, or leave --host out to serve this machine alone.',
    fields: { option: '--host' },
  });
}

/** The key of a request: a Bearer token, `x-api-key`, or the password of Basic, which browsers send. */
function keyIn(headers: IncomingHttpHeaders): string | undefined {
  const { authorization = '', 'x-api-key': own } = headers;
  const [, scheme = '', value = ''] = /^(\w+) +(\S+) *$/.exec(authorization) ?? [];
  if (/^bearer$/i.test(scheme)) return value;
  if (/^basic$/i.test(scheme))
    return Buffer.from(value, 'base64')
      .toString()
      .replace(/^[^:]*:/, '');
  return typeof own === 'string' ? own : undefined;
}
