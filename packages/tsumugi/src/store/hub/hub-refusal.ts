// What the hub's refusals mean, in a sentence with what to do. The hub says which kind it is in X-Error-Code; a status alone
// does not tell: without a token, 401 stands for gated, private and missing models alike.
import { parseJson, UserError } from '../../base/index.ts';
import type { HubName } from './hub-name.ts';
import { DEFAULT_REVISION } from './hub-name.ts';
import type { HubToken } from './hub-place.ts';

/** A refusal of the hub, or that it cannot be reached. */
export class HubError extends UserError {
  override name = 'HubError';
}

/** A failure that may be gone in a moment: a busy service, a connection that broke off. */
export class PassingFailure extends Error {
  /** Seconds that the service asks to wait. */
  readonly waitSeconds: number | undefined;
  /** What it is when it stays. */
  readonly error: HubError;
  /** Whether nothing was heard of the service at all: an address at which nobody answers is most likely a wrong one. */
  readonly silent: boolean;

  constructor(error: HubError, options: { waitSeconds?: number | undefined; silent?: boolean } = {}) {
    super(error.message, { cause: error });
    this.error = error;
    this.waitSeconds = options.waitSeconds;
    this.silent = options.silent ?? false;
  }
}

export interface Asker {
  readonly endpoint: string;
  readonly name: HubName;
  readonly token: HubToken | undefined;
}

const transient = new Set([408, 425, 429, 500, 502, 503, 504, 520, 522, 524, 529]);

/** What a person can be shown of a text from the hub: short, without control characters and without the token. */
export function quotable(text: string, token: HubToken | undefined): string {
  const safe = token ? text.replaceAll(token.value, '[token]') : text;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it is about.
  const line = safe.replace(/[\x00-\x1f\x7f-\x9f]+/g, ' ').trim();
  return line.length > 200 ? `${line.slice(0, 199)}…` : line;
}

/** What the body says: the hub's `{"error": "…"}`. */
function wordsOf(body: string): string {
  try {
    const { error, message } = parseJson(body) as Record<string, unknown>;
    return [error, message].find((each) => typeof each === 'string' && each !== '') as string;
  } catch {
    return body.startsWith('<') ? '' : body;
  }
}

/** The error for an answer that is none. @param body what came with it, cut */
export function refusal(response: Response, body: string, { endpoint, name, token }: Asker): HubError | PassingFailure {
  const { status, headers } = response;
  const { repo, revision = DEFAULT_REVISION } = name;
  const words = quotable(headers.get('x-error-message') || wordsOf(body) || '', token);
  const said = words === '' ? '' : `: ${words}`;
  const fail = (code: string, message: string, remedy: string) =>
    new HubError(code, message, { remedy, fields: { status, repo, said: words } });
  const page = `${endpoint}/${repo}`;
  const kind = headers.get('x-error-code');
  if (kind === 'GatedRepo' || (status === 403 && /gated|restricted|access to (this )?model/i.test(words)))
    return fail(
      'hub-gated',
      `${repo} is gated: its licence has to be accepted first`,
      token
        ? `Accept it at ${page}, signed in as the account of the token in ${token.from}, and run the command again.`
        : `Accept it at ${page}, make a token at ${endpoint}/settings/tokens, and put it into HF_TOKEN.`,
    );
  if (kind === 'RevisionNotFound')
    return fail('hub-no-revision', `${repo} has no revision "${revision}"`, `Look at ${page}/tree/main.`);
  if (/disabled/i.test(words)) return fail('hub-disabled', `${repo} is disabled by the hub${said}`, `See ${page}.`);
  if (status === 401 && token && (kind === null || /credential|token|expired/i.test(words)) && kind !== 'RepoNotFound')
    return fail(
      'hub-token',
      `${endpoint} refuses the token in ${token.from}${said}`,
      `Make a new one at ${endpoint}/settings/tokens, or take it away: public models need none.`,
    );
  if (kind === 'RepoNotFound' || status === 401 || (status === 404 && kind === null))
    return fail(
      'hub-no-model',
      `${endpoint} has no model ${repo}${token ? '' : ', or it is private'}`,
      token
        ? `Check the name, and that the token in ${token.from} may read it.`
        : 'Check the name; for a private one, put a token into HF_TOKEN.',
    );
  if (transient.has(status))
    return new PassingFailure(
      fail(
        'hub-busy',
        `${endpoint} answers with ${status}${said}`,
        'Run the same command later: it goes on from here.',
      ),
      { waitSeconds: retryAfter(headers.get('retry-after'), headers.get('date')) },
    );
  if (status === 403)
    return fail('hub-forbidden', `${endpoint} does not give ${repo} to you${said}`, 'Check the rights of the token.');
  return fail('hub-answer', `${endpoint} answers with ${status}${said}`, `See ${page}, and check HF_ENDPOINT.`);
}

/** The error for an answer that no hub gives. */
export const strangeAnswer = ({ endpoint, name }: Asker, what: string): HubError =>
  new HubError('hub-answer', `${endpoint} ${what}`, {
    remedy: 'Check HF_ENDPOINT: it should be the address of a Hugging Face Hub, such as https://huggingface.co.',
    fields: { repo: name.repo },
  });

/**
 * Seconds of a Retry-After (RFC 9110, section 10.2.3).
 *
 * @param date the answer's own: a time is the service's, whose clock need not be this machine's
 */
export function retryAfter(value: string | null, date: string | null = null): number | undefined {
  if (value === null) return undefined;
  const now = Date.parse(date ?? '') || Date.now();
  const seconds = /^\d+(\.\d+)?$/.test(value) ? Number(value) : (Date.parse(value) - now) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, seconds) : undefined;
}

/** The error for a service that cannot be reached or broke off. */
export function unreachable(cause: unknown, { endpoint, token }: Asker): PassingFailure {
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
  const { code, message } = inner as NodeJS.ErrnoException;
  const reason = quotable([...new Set([code, message])].filter(Boolean).join(': '), token);
  const certificate = /CERT|SELF_SIGNED|SSL|TLS/.test(code ?? '');
  const error = new HubError('hub-unreachable', `${endpoint} cannot be reached: ${reason}`, {
    remedy: certificate
      ? 'Name the certificates of your network in NODE_EXTRA_CA_CERTS.'
      : 'Check the connection and HF_ENDPOINT; behind a proxy, set HTTPS_PROXY and NODE_USE_ENV_PROXY=1.',
    cause,
  });
  return new PassingFailure(error, {
    silent: certificate || /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|ENETUNREACH|EHOSTUNREACH)$/.test(code ?? ''),
  });
}
