// Speaking to the hub: the token goes to the hub's own address and nowhere else, redirections are followed by hand, answers are
// read up to a limit, silence ends, and what may pass is tried again. Files and answers of the API alike come through here.
import { setTimeout as pause } from 'node:timers/promises';
import { jsonExcess } from '../../base/index.ts';
import type { HubName } from './hub-name.ts';
import type { HubPlace, HubToken } from './hub-place.ts';
import { type Asker, HubError, PassingFailure, quotable, refusal, strangeAnswer, unreachable } from './hub-refusal.ts';
import { Silence } from './silence.ts';

export interface HubClientOptions {
  /** How often something is tried again that broke off or met a busy service, without any progress. Default 5. */
  retries?: number | undefined;
  /** The first wait; it doubles with every try. Default 1. */
  retryDelaySeconds?: number | undefined;
  /** After so long without a byte a connection counts as broken. Default 60. */
  silenceSeconds?: number | undefined;
  /** Told when there is something to wait for, in a line. */
  report?: ((line: string) => void) | undefined;
}

/** A listing of a thousand files has a few hundred kilobytes. */
const MAX_ANSWER_BYTES = 16 << 20;
const MAX_ERROR_BYTES = 64 << 10;
const MAX_HOPS = 10;
const LONGEST_BACKOFF_SECONDS = 30;
/** A service that asks for more is not waited for. */
const LONGEST_WAIT_SECONDS = 300;

export class HubClient implements Asker {
  readonly endpoint: string;
  readonly name: HubName;
  readonly token: HubToken | undefined;
  readonly retries: number;
  readonly #origin: string;
  readonly #retryDelaySeconds: number;
  readonly #silenceSeconds: number;
  readonly #report: (line: string) => void;

  constructor(place: HubPlace, name: HubName, token: HubToken | undefined, options: HubClientOptions = {}) {
    this.endpoint = place.endpoint;
    this.name = name;
    this.token = token;
    this.retries = options.retries ?? 5;
    this.#origin = new URL(place.endpoint).origin;
    this.#retryDelaySeconds = options.retryDelaySeconds ?? 1;
    this.#silenceSeconds = options.silenceSeconds ?? 60;
    this.#report = options.report ?? (() => {});
  }

  /** The address of something on the hub; what the parts hold becomes no more than parts. */
  address(...parts: readonly string[]): string {
    return [this.endpoint, ...parts.map(encodeURIComponent)].join('/');
  }

  /**
   * Hands the body of an answer to `read` piece by piece. Gives what `read` returned at the end.
   *
   * @param begin looks at status and headers before the first piece
   * @throws PassingFailure when it broke off, HubError for a refusal
   */
  async receive(
    url: string,
    headers: Record<string, string>,
    begin: (response: Response) => void,
    read: (piece: Uint8Array) => void,
  ): Promise<void> {
    const silence = new Silence(this.#silenceSeconds);
    try {
      const response = await this.#open(url, headers, silence);
      begin(response);
      for await (const piece of response.body ?? []) {
        silence.heard();
        read(piece);
      }
    } catch (error) {
      throw this.#explained(error, silence);
    } finally {
      silence.end();
    }
  }

  /** `fetch` for the hub's API: the whole of a JSON answer, tried again while it may help. */
  readonly fetch = async (input: string | URL | Request): Promise<Response> => {
    const url = input instanceof Request ? input.url : String(input);
    // A listing goes on at an address that the hub names: at another hub's it would be another listing.
    if (URL.parse(url)?.origin !== this.#origin) throw strangeAnswer(this, `points to ${quotable(url, this.token)}`);
    return await this.retrying(async () => {
      const pieces: Uint8Array[] = [];
      let bytes = 0;
      let answer: Response | undefined;
      await this.receive(
        url,
        { accept: 'application/json' },
        (response) => {
          answer = response;
        },
        (piece) => {
          bytes += piece.length;
          if (bytes > MAX_ANSWER_BYTES)
            throw strangeAnswer(this, `answers with more than ${MAX_ANSWER_BYTES >> 20} MiB`);
          pieces.push(piece);
        },
      );
      const text = Buffer.concat(pieces).toString('utf8');
      const excess = jsonExcess(text);
      if (excess !== undefined) throw strangeAnswer(this, `answers with JSON that ${excess}`);
      try {
        JSON.parse(text);
      } catch {
        throw strangeAnswer(this, 'answers with something that is no JSON');
      }
      const link = answer!.headers.get('link');
      return new Response(text, { status: answer!.status, ...(link !== null && { headers: { link } }) });
    });
  };

  /**
   * Does `attempt` until it succeeds, fails for good, or fails as often in a row as is tried. `progressed` says whether something
   * came of the last one: then counting begins anew.
   */
  async retrying<T>(attempt: () => Promise<T>, progressed: () => boolean = () => false): Promise<T> {
    for (let tries = 0; ; tries++) {
      try {
        return await attempt();
      } catch (failure) {
        if (!(failure instanceof PassingFailure)) throw failure;
        if (progressed()) tries = 0;
        const asked = failure.waitSeconds ?? 0;
        if (tries >= this.retries || failure.silent || asked > LONGEST_WAIT_SECONDS) throw failure.error;
        const backoff = Math.min(LONGEST_BACKOFF_SECONDS, this.#retryDelaySeconds * 2 ** tries);
        const seconds = Math.max(asked, backoff * (0.5 + Math.random() / 2));
        const [what] = failure.error.message.split('\n');
        if (seconds >= 1) this.#report(`${what}; trying again in ${Math.ceil(seconds)} s`);
        await pause(seconds * 1000);
      }
    }
  }

  async #open(url: string, headers: Record<string, string>, silence: Silence): Promise<Response> {
    let target = new URL(url);
    for (let hops = 0; hops <= MAX_HOPS; hops++) {
      const authorization = this.token &&
        target.origin === this.#origin && { authorization: `Bearer ${this.token.value}` };
      const response = await fetch(target, {
        headers: { ...headers, 'accept-encoding': 'identity', 'user-agent': 'tsumugi', ...authorization },
        redirect: 'manual',
        signal: silence.signal,
      });
      silence.heard();
      const { status } = response;
      if (status >= 200 && status < 300) return response;
      const location = status >= 300 && status < 400 ? response.headers.get('location') : null;
      if (location === null) throw refusal(response, await beginningOf(response), this);
      await response.body?.cancel();
      target = this.#redirected(location, target);
    }
    throw strangeAnswer(this, `redirects more than ${MAX_HOPS} times`);
  }

  #redirected(location: string, from: URL): URL {
    const target = URL.parse(location, from);
    const safer = target?.protocol === 'https:' || (target?.protocol === 'http:' && from.protocol === 'http:');
    if (target && safer) return target;
    throw strangeAnswer(this, `redirects to ${quotable(location, this.token)}`);
  }

  #explained(error: unknown, silence: Silence): unknown {
    if (error instanceof HubError || error instanceof PassingFailure) return error;
    if (silence.ended) return unreachable(new Error(`no byte in ${this.#silenceSeconds} s`), this);
    // What fetch throws: "fetch failed" with the reason as its cause, "terminated" for a body that broke off.
    return error instanceof TypeError ? unreachable(error, this) : error;
  }
}

/** What an error page begins with. */
async function beginningOf(response: Response): Promise<string> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of response.body ?? []) {
    pieces.push(piece);
    bytes += piece.length;
    if (bytes >= MAX_ERROR_BYTES) break;
  }
  return Buffer.concat(pieces).toString('utf8').slice(0, MAX_ERROR_BYTES);
}
