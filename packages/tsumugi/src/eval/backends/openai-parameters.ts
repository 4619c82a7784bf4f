// Parameters that a service turned out not to take are left out from then on. It says so in many ways: a field with the name,
// quoted names, "Unsupported parameter", "Unsupported value", "not both".
import type { JsonObject } from './openai-body.ts';
import { EndpointError } from './openai-error.ts';
import type { OpenaiClient, PostOptions } from './openai-http.ts';

const optional = ['temperature', 'top_p', 'stop', 'seed'] as const;
export type Optional = (typeof optional)[number];

/** Names by which services speak of a parameter. */
const spellings: Readonly<Record<Optional | 'max_tokens', RegExp>> = {
  temperature: /(?<![\w-])temperature(?![\w-])/i,
  top_p: /(?<![\w-])(top_p|topP)(?![\w-])/,
  stop: /(?<![\w-])(stop|stop_sequences|stopSequences)(?![\w-])/,
  seed: /(?<![\w-])seed(?![\w-])/,
  max_tokens: /(?<![\w-])(max_tokens|maxTokens)(?![\w-])/,
};

/** That something is not taken, rather than too large for this request. */
const notTaken =
  /not (yet |currently |be )?(support|accept|allow|permit|compatible|available|valid)|n['’o]?t (support|accept|allow|permit)|unsupported|unrecogni[sz]ed|unknown|unexpected|\bextra\b|forbidden|only (the default|one|1\b)|\bboth\b|mutually|deprecated|must (be|contain)|invalid|does not take|(can|should)not be|cannot|removed/i;
const tooLarge = /too (large|long|many|big|high)|maximum (context|length)|context (length|window)|exceed/i;

interface Complaint {
  without: readonly Optional[];
  /** Temperature and top_p do not go together. */
  notBoth: boolean;
  /** The length is to be asked for by its newer name. */
  rename: boolean;
}

/** What a service says that it does not take, of what was sent. */
export function complaintOf(said: string, param: string | undefined, sent: JsonObject): Complaint {
  const named = param === undefined ? undefined : `'${param.replace(/\[.*$/, '').replace(/^.*\./, '')}'`;
  const text = named && Object.values(spellings).some((pattern) => pattern.test(named)) ? named : said;
  const none: Complaint = { without: [], notBoth: false, rename: false };
  if (!notTaken.test(said) && !/\bmax_completion_tokens\b/.test(said)) return none;
  const mentions = (name: keyof typeof spellings) => name in sent && spellings[name].test(text);
  const pair = spellings.temperature.test(said) && spellings.top_p.test(said);
  if (pair && 'temperature' in sent && 'top_p' in sent && /both|only one|one of|mutually|together/i.test(said))
    return { ...none, notBoth: true };
  const rename =
    'max_tokens' in sent &&
    !tooLarge.test(said) &&
    (/\bmax_completion_tokens\b/.test(said) || (mentions('max_tokens') && /unsupported|not support/i.test(said)));
  return { without: rename ? [] : optional.filter(mentions), notBoth: false, rename };
}

/** What is left out, by name, for results. */
export type LeftOut = readonly Optional[];

export class Adapter {
  readonly #client: OpenaiClient;
  readonly #without = new Set<Optional>();
  #notBoth = false;
  #lengthName: 'max_tokens' | 'max_completion_tokens' = 'max_tokens';

  constructor(client: OpenaiClient) {
    this.#client = client;
  }

  /** Stop texts are not sent from now on: they end the model's reasoning. */
  keepStops(): void {
    this.#without.add('stop');
  }

  get sendsStops(): boolean {
    return !this.#without.has('stop');
  }

  /** Posts a body, as often as the service names another parameter that it does not take. */
  async post(path: string, body: JsonObject, options: PostOptions): Promise<{ answer: JsonObject; leftOut: LeftOut }> {
    for (;;) {
      const { sent, leftOut } = this.#adapt(body);
      try {
        return { answer: await this.#client.post(path, sent, options), leftOut };
      } catch (error) {
        if (!(error instanceof EndpointError) || ![400, 422].includes(error.fields.status as number)) throw error;
        const { said, param, words } = error.fields as { said: string; param?: string; words?: string };
        const complaint = complaintOf(`${said} ${words ?? ''}`, param, sent);
        if (complaint.without.length === 0 && !complaint.notBoth && !complaint.rename) throw error;
        for (const name of complaint.without) this.#without.add(name);
        this.#notBoth ||= complaint.notBoth;
        if (complaint.rename) this.#lengthName = 'max_completion_tokens';
      }
    }
  }

  #adapt(body: JsonObject): { sent: JsonObject; leftOut: LeftOut } {
    const leaving = new Set(this.#without);
    // Of the two, the one that says nothing here; the temperature decides more than top_p.
    if (this.#notBoth && !leaving.has('temperature') && !leaving.has('top_p'))
      leaving.add(body.top_p !== 1 && body.temperature === 1 ? 'temperature' : 'top_p');
    const leftOut = optional.filter((name) => name in body && leaving.has(name));
    const sent: JsonObject = {};
    for (const [name, value] of Object.entries(body))
      if (!leftOut.includes(name as Optional)) sent[name === 'max_tokens' ? this.#lengthName : name] = value;
    return { sent, leftOut };
  }
}
