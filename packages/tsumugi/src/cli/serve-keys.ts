// The keys of `tsumugi serve`, wherever they come from. They are never said again: not in errors, not in the log.
import { ConfigError, decodeUtf8, readBytes } from '../base/index.ts';

const MAX_KEY_FILE = 1 << 20;

export interface KeyWords {
  readonly apiKey: readonly string[];
  readonly apiKeyFile?: string | undefined;
  readonly apiKeyEnv?: string | undefined;
}

/** @throws ConfigError for a file or a variable that has none: the server would be open to all */
export function keysOf({ apiKey, apiKeyFile, apiKeyEnv }: KeyWords): string[] {
  const keys = [...apiKey];
  if (apiKeyFile !== undefined) {
    const lines = decodeUtf8(readBytes(apiKeyFile, MAX_KEY_FILE), apiKeyFile).split('\n');
    const own = lines.map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'));
    if (own.length === 0) throw noKey('--api-key-file', `${apiKeyFile} has no key`, 'Write one a line.');
    keys.push(...own);
  }
  if (apiKeyEnv !== undefined) {
    const own = process.env[apiKeyEnv]?.trim() ?? '';
    if (own === '')
      throw noKey('--api-key-env', `the environment has no ${apiKeyEnv}`, 'Set it, or leave --api-key-env out.');
    keys.push(own);
  }
  const odd = keys.findIndex((key) => !/^[\x21-\x7e]+$/.test(key));
  if (odd >= 0)
    throw noKey(
      '--api-key',
      `key ${odd + 1} has characters that a header cannot hold`,
      'Use letters, digits and signs of ASCII.',
    );
  return keys;
}

const noKey = (option: string, message: string, remedy: string): ConfigError =>
  new ConfigError('bad-key', message, { remedy, fields: { option } });
