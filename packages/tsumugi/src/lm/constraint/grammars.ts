// Texts that are held to grammars: a thread computes which ids may follow, so that a grammar that takes too long ends that thread and
// not the engine.
import { ConfigError, checkOptions } from '../../base/index.ts';
import type { Tokenizer } from '../../text/index.ts';
import { GrammarConstraint } from './grammar-constraint.ts';
import { ThreadHost } from './thread-host.ts';
import type { TokenConstraint } from './token-constraint.ts';

/** Grammars that took too long and are not begun again. */
const REFUSED = 256;

export interface GrammarsOptions {
  /** Wall time for a grammar to be compiled, the start of the thread included. Default 60. */
  compileSeconds?: number | undefined;
  /** Wall time for what may follow a token. Default 20. */
  tokenSeconds?: number | undefined;
}

/** The grammars of a tokenizer. */
export class Grammars implements Disposable {
  readonly #host: ThreadHost;
  readonly #tooSlow = new Set<string>();

  constructor(tokenizer: Tokenizer, options: GrammarsOptions = {}) {
    checkOptions('Grammars', options, { compileSeconds: true, tokenSeconds: true });
    const { compileSeconds = 60, tokenSeconds = 20 } = options;
    for (const [option, seconds] of Object.entries({ compileSeconds, tokenSeconds }))
      if (!(Number.isFinite(seconds) && seconds > 0))
        throw new ConfigError('bad-option', `Grammars: ${option} must be a number above 0, got ${seconds}`, {
          fields: { option },
        });
    this.#host = new ThreadHost(vocabularyOf(tokenizer), tokenizer.eosId, { compileSeconds, tokenSeconds });
  }

  /**
   * Holds a text to a grammar (EBNF, with the rule `root`): give it to the engine as `constraint`. One is for one text.
   *
   * @param endIds the ids that end the text: its `stopIds`
   * @throws DataError for what is no grammar, or takes too long to compile
   */
  async constrain(grammar: string, endIds: readonly number[]): Promise<TokenConstraint> {
    if (this.#tooSlow.has(grammar)) throw tooSlow();
    const opened = await this.#host.open(grammar);
    if (opened === 'too-slow') {
      if (this.#tooSlow.size >= REFUSED) this.#tooSlow.clear();
      this.#tooSlow.add(grammar);
      throw tooSlow();
    }
    return new GrammarConstraint(opened, endIds, () => this.#tooSlow.add(grammar));
  }

  [Symbol.dispose](): void {
    this.#host[Symbol.dispose]();
  }
}

const tooSlow = () =>
  new ConfigError('grammar-too-slow', 'the grammar takes too long to work with', {
    remedy: 'Make it smaller, and leave it one way only to read each text.',
  });

/** Bytes that no character of UTF-8 has. */
const NEVER_UTF8 = /^<0x(C0|C1|F[5-9A-F])>$/;

/** Pieces as XGrammar has them: bytes as they are, '' for what marks structure and is never text. */
function vocabularyOf({ vocabulary }: Tokenizer): (string | Uint8Array)[] {
  return vocabulary.pieces.map(({ text }, id) => {
    const byte = vocabulary.bytes[id]!;
    if (byte >= 0) return NEVER_UTF8.test(text) ? '' : Uint8Array.of(byte);
    return vocabulary.isSpecial(id) ? '' : text;
  });
}
