// Where the hub is and where its files are kept: the variables of Hugging Face's own tools, so that one cache serves all.
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { ConfigError, readBytes } from '../../base/index.ts';

export interface HubPlace {
  /** The address, without a slash at its end. */
  readonly endpoint: string;
  /** The folder that holds a folder for each model. */
  readonly cache: string;
  /** Whether the network is left alone. */
  readonly offline: boolean;
}

export interface HubToken {
  readonly value: string;
  /** Where it was found: a variable or a file. */
  readonly from: string;
}

type Variables = Readonly<Record<string, string | undefined>>;

const expand = (path: string): string => path.replace(/^~(?=\/|$)/, homedir());

const homeOf = (env: Variables): string =>
  expand(env['HF_HOME'] || join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'huggingface'));

/** @throws ConfigError when HF_ENDPOINT is no address */
export function hubPlace(env: Variables = process.env): HubPlace {
  return {
    endpoint: parseEndpoint(env['HF_ENDPOINT'] || 'https://huggingface.co'),
    cache: expand(env['HF_HUB_CACHE'] || join(homeOf(env), 'hub')),
    offline: /^(1|on|yes|true)$/i.test(env['HF_HUB_OFFLINE'] ?? ''),
  };
}

function parseEndpoint(text: string): string {
  const url = URL.parse(text);
  const fits = url && /^https?:$/.test(url.protocol) && url.username === '' && url.search === '' && url.hash === '';
  if (fits) return `${url.origin}${url.pathname}`.replace(/\/+$/, '');
  throw new ConfigError('hub-endpoint', `HF_ENDPOINT is no address of a hub: "${text}"`, {
    remedy: 'Write it as https://HOST, or leave the variable unset for https://huggingface.co.',
    fields: { variable: 'HF_ENDPOINT' },
  });
}

/**
 * The token of the variable HF_TOKEN, otherwise of the file that `hf auth login` writes; undefined when there is none.
 *
 * @throws ConfigError when it could not be sent, DataError when the file cannot be read
 */
export function hubToken(env: Variables = process.env): HubToken | undefined {
  const file = expand(env['HF_TOKEN_PATH'] || join(homeOf(env), 'token'));
  const fromFile = () => (existsSync(file) ? readBytes(file, MAX_TOKEN_BYTES).toString('utf8').trim() : '');
  const variable = env['HF_TOKEN']?.trim();
  const [value, from] = variable ? [variable, 'HF_TOKEN'] : [fromFile(), file];
  if (value === '') return undefined;
  if (/^[\x21-\x7e]+$/.test(value)) return { value, from };
  throw new ConfigError('hub-token', `the token in ${from} is none: it holds blanks or letters that cannot be sent`, {
    remedy: 'Put the token itself there, a word that begins with hf_.',
    fields: { from },
  });
}

const MAX_TOKEN_BYTES = 4096;
