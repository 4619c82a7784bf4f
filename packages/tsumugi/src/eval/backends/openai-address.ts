// Where an endpoint is and what opens it: addresses as people copy them, keys from the environment.
import { ConfigError } from '../../base/index.ts';

/** The part that all paths share: what is behind it (/chat/completions, /models, slashes) is taken off. @throws ConfigError */
export function parseEndpoint(endpoint: string): string {
  const url = URL.parse(endpoint.trim());
  const fault =
    !url || !/^https?:$/.test(url.protocol)
      ? 'is no http(s) address'
      : url.username || url.password || url.search || url.hash
        ? 'holds more than host and path'
        : undefined;
  if (fault || !url)
    throw new ConfigError('bad-endpoint', `the endpoint ${fault}`, {
      remedy: 'Give an address such as http://localhost:8000/v1, and a key in an environment variable (--api-key-env).',
    });
  const path = url.pathname.replace(/\/+$/, '').replace(/\/+((chat\/+)?completions|models)$/, '');
  return `${url.origin}${path || '/v1'}`;
}

/** @throws ConfigError */
export function readKey(name: string): string {
  const key = process.env[name]?.trim();
  const fault = !key ? 'is not set' : /[^\x21-\x7e]/.test(key) ? 'holds characters that no key has' : undefined;
  if (!key || fault)
    throw new ConfigError('no-key', `the environment variable ${name} ${fault}`, {
      remedy: `Set ${name} to the service’s API key.`,
      fields: { variable: name },
    });
  return key;
}

/** @throws ConfigError when `value` is not in the closed interval, or not whole where it should be */
export function checkNumber(option: string, value: number, low: number, high: number, whole = false): void {
  if (value >= low && value <= high && (!whole || Number.isInteger(value))) return;
  const from = low === Number.MIN_VALUE ? 'above 0' : `from ${low}`;
  throw new ConfigError('bad-option', `${option} must be a ${whole ? 'whole ' : ''}number ${from} to ${high}`, {
    fields: { option, value },
  });
}
