// A GGUF file as a backend, evaluated by llama.cpp on the CPU through node-llama-cpp.
import { checkOptions, type OptionNames, UserError } from '../../base/index.ts';
import { GgufModel, importLibrary, type LlamaLibrary, type Token } from '../../lm/index.ts';
import { HashedFiles, readGguf } from '../../store/index.ts';
import {
  type ChatTemplate,
  encodePrompt,
  jinjaTemplate,
  type Message,
  plainTemplate,
  type Tokenizer,
  templateHash,
  templateTokens,
} from '../../text/index.ts';
import type { Backend } from '../backend.ts';
import type {
  Answer,
  ChoicesAnswer,
  ChoicesRequest,
  GenerateAnswer,
  GenerateRequest,
  Prompt,
  Request,
  RollingAnswer,
  RollingRequest,
} from '../request.ts';
import { type CheckedGguf, checkGguf, endsText } from './gguf-check.ts';
import { type GgufTokenizer, llamaTokenizer, plamo2Tokenizer } from './gguf-tokenizer.ts';

const defaultContext = 4096;

export interface GgufOptions {
  file: string;
  /** Tokens of a prompt and its answer together. Default: what the model was trained on, 4,096 at most. */
  contextSize?: number | undefined;
  /** Default: one per core. */
  threads?: number | undefined;
  /** For conversations, where the file has no chat template. Default: `plainTemplate`. */
  template?: ChatTemplate | undefined;
  /** node-llama-cpp, where it is not installed beside this package. */
  library?: LlamaLibrary | undefined;
}

const ggufOptions: OptionNames<GgufOptions> = {
  file: true,
  contextSize: true,
  threads: true,
  template: true,
  library: true,
};

/**
 * Opens a GGUF file. It is read once as a whole, for its hash, and again when it has changed.
 *
 * @throws UserError when node-llama-cpp is not installed, or for a file that llama.cpp cannot run; FormatError and DataError for a
 *   file that is no GGUF or cannot be read
 */
export async function ggufBackend(options: GgufOptions): Promise<Backend> {
  checkOptions('ggufBackend', options, ggufOptions);
  const { file, threads } = options;
  const checked = checkGguf(readGguf(file));
  const files = await HashedFiles.of(new Map([['', file]])); // its name does not count
  const plamo2 = checked.architecture === 'plamo2' ? plamo2Tokenizer(checked) : undefined;
  const template = plamo2?.own && ownTemplate(checked, plamo2.own);
  const library = options.library ?? (await importLibrary());
  const contextSize = options.contextSize ?? Math.min(checked.sequenceLength ?? defaultContext, defaultContext);
  const model = await GgufModel.open(library, file, { contextSize, vocabularySize: checked.pieces.length, threads });
  const [first] = await model.logprobs([0, 0]);
  if (!Number.isFinite(first)) {
    await model[Symbol.asyncDispose]();
    throw new UserError('gguf-numbers', `${file} gives probabilities that are no numbers in llama.cpp`, {
      remedy: 'Get the file again, or one made by another converter.',
      fields: { path: file },
    });
  }
  const tokenizer = plamo2 ?? llamaTokenizer(model.model);
  const version = await library.getModuleVersion();
  return new GgufBackend(
    { ...options, template: template ?? options.template },
    { checked, model, tokenizer, library, version, files },
  );
}

/** @throws FormatError when the template in the file is no Jinja */
function ownTemplate({ path, chatTemplate: source }: CheckedGguf, tokenizer: Tokenizer): ChatTemplate | undefined {
  if (source === undefined) return undefined;
  const [name, tokens] = ['tokenizer.chat_template', templateTokens(tokenizer)];
  return jinjaTemplate({ name, source, tokens, where: `${path} (${name})` });
}

interface Parts {
  checked: CheckedGguf;
  model: GgufModel;
  tokenizer: GgufTokenizer;
  library: LlamaLibrary;
  version: string;
  files: HashedFiles;
}

class GgufBackend implements Backend {
  readonly kind = 'gguf';
  readonly model: string;
  readonly fingerprint: string;
  readonly settings: Backend['settings'];
  readonly chat: boolean;
  readonly kinds: ReadonlySet<Request['kind']>;
  readonly #checked: CheckedGguf;
  readonly #files: HashedFiles;
  readonly #model: GgufModel;
  readonly #tokenizer: GgufTokenizer;
  readonly #library: LlamaLibrary;
  readonly #template: ChatTemplate;
  /** What a text begins with. */
  readonly #bos: Token[];

  constructor({ file, template = plainTemplate }: GgufOptions, parts: Parts) {
    const { checked, model, tokenizer, library, version, files } = parts;
    const { bos, shouldPrependBosToken } = model.model.tokens;
    this.model = file;
    this.fingerprint = files.hash;
    this.#files = files;
    this.#checked = checked;
    this.#model = model;
    this.#tokenizer = tokenizer;
    this.#library = library;
    this.#template = template;
    this.#bos = shouldPrependBosToken && bos !== null ? [bos] : [];
    this.chat = checked.chatTemplate !== undefined;
    this.settings = {
      deterministic: true,
      library: `node-llama-cpp ${version}`,
      type: model.model.typeDescription,
      keysAndValues: 'f32',
      bos: this.#bos.length > 0,
      template: this.chat ? 'the file’s own' : template.name,
      ...((!this.chat || tokenizer.own) && { templateHash: templateHash(template) }),
    };
    this.kinds = new Set<Request['kind']>([
      'generate',
      'choices',
      // Without BOS nothing predicts a text's first token.
      ...(this.#bos.length > 0 ? (['rolling'] as const) : []),
    ]);
  }

  countTokens = (text: string): number => this.#tokenizer.encode(text).length;

  weigh(request: Request): { read: number; write: number } {
    if (request.kind === 'generate')
      return { read: this.#encodePrompt(request.prompt).length, write: request.maxTokens };
    if (request.kind === 'rolling')
      return { read: Math.min(this.countTokens(request.text), request.edges?.at(-1) ?? Infinity), write: 0 };
    const read = request.choices.reduce(
      (sum, choice) => sum + this.countTokens(choice) - 1,
      this.#encodePrompt(request.prompt).length,
    );
    return { read, write: 0 };
  }

  async answer(
    requests: readonly Request[],
    onAnswer: (index: number, answer: Answer) => void,
    signal?: AbortSignal,
  ): Promise<void> {
    for (const [index, request] of requests.entries()) {
      const answer = signal?.aborted ? undefined : await this.#answer(request, index, signal);
      if (!answer) return;
      this.#files.requireUnchanged();
      onAnswer(index, answer);
    }
  }

  async #answer(request: Request, index: number, signal: AbortSignal | undefined): Promise<Answer | undefined> {
    const checkLength = (length: number) => {
      const { contextSize } = this.#model;
      if (length <= contextSize) return;
      throw new UserError(
        'too-long',
        `request ${index + 1} (${request.kind}) takes ${length} tokens, and the context holds ${contextSize}`,
        {
          remedy: `Give it a larger context: --context-size ${length + 1}.`,
          fields: { request, length, contextSize },
        },
      );
    };
    switch (request.kind) {
      case 'generate':
        return this.#generate(request, checkLength, signal);
      case 'choices':
        return this.#choices(request, checkLength);
      case 'rolling':
        return this.#rolling(request, checkLength);
    }
  }

  async #generate(
    request: GenerateRequest,
    checkLength: (length: number) => void,
    signal: AbortSignal | undefined,
  ): Promise<GenerateAnswer | undefined> {
    const { maxTokens } = request;
    const prompt = this.#encodePrompt(request.prompt);
    if (prompt.length === 0) throw this.#noBos('to begin with');
    // The last token that is written is not read.
    checkLength(prompt.length + maxTokens - 1);
    const foreign = this.chat && !this.#tokenizer.own;
    const ownStops = typeof request.prompt === 'string' || foreign ? [] : this.#template.stop;
    const stops = [...request.stop, ...ownStops].filter((stop) => stop !== '');
    const written: Token[] = [];
    let text = '';
    if (maxTokens === 0) return { text, finish: 'length', tokens: 0 };
    for await (const token of this.#model.generate(prompt, request)) {
      if (signal?.aborted) return undefined;
      if (this.#ends(token)) return { text, finish: 'end', tokens: written.length };
      written.push(token);
      // From the beginning each time: a character may be spread over tokens.
      text = this.#tokenizer.wholeCharacters(written);
      const cut = Math.min(...stops.map((stop) => text.indexOf(stop)).filter((place) => place >= 0));
      if (Number.isFinite(cut)) return { text: text.slice(0, cut), finish: 'stop', tokens: written.length };
      if (written.length === maxTokens) break;
    }
    return { text, finish: 'length', tokens: written.length };
  }

  #ends(token: Token): boolean {
    const { model } = this.#model;
    return token === model.tokens.bos || (model.isEogToken(token) && endsText(this.#checked, token));
  }

  async #choices(request: ChoicesRequest, checkLength: (length: number) => void): Promise<ChoicesAnswer> {
    const prompt = this.#encodePrompt(request.prompt);
    if (prompt.length === 0) throw this.#noBos('before a choice without a prompt');
    const choices = request.choices.map((choice) => this.#tokenizer.encode(choice));
    if (choices.some((choice) => choice.length === 0))
      throw new UserError('empty-choice', `an empty choice cannot be scored: ${JSON.stringify(request.choices)}`, {
        remedy: 'Check the data of the task.',
        fields: { request },
      });
    for (const { length } of choices) checkLength(prompt.length + length - 1);
    const logprobs = await this.#model.continuationLogprobs(prompt, choices);
    return { logprobs, tokens: choices.map(({ length }) => length) };
  }

  async #rolling(request: RollingRequest, checkLength: (length: number) => void): Promise<RollingAnswer> {
    if (this.#bos.length === 0) throw this.#noBos('before a text');
    const text = request.text.toWellFormed();
    const tokens = this.#tokenizer.encode(text);
    const ends = (request.edges ?? [tokens.length]).map((edge) => Math.min(edge, tokens.length));
    const measured = tokens.slice(0, ends.at(-1) ?? 0);
    checkLength(measured.length);
    if (request.edges && this.#tokenizer.decode(tokens) !== text)
      throw new UserError(
        'unreadable-tokens',
        `the tokens of ${this.model} do not spell the text they were made from`,
        {
          remedy: 'Measure it as a whole, with the task text.',
          fields: { request },
        },
      );
    const logprobs = await this.#model.logprobs([...this.#bos, ...measured]);
    const charactersBefore = (end: number) =>
      end === tokens.length ? [...text].length : this.#tokenizer.characters(tokens.slice(0, end));
    const answer: RollingAnswer = { nats: [], tokens: [], characters: [] };
    let begin = 0;
    for (const end of ends) {
      answer.nats.push(logprobs.slice(begin, end).reduce((nats, logprob) => nats - logprob, 0));
      answer.tokens.push(end - begin);
      answer.characters.push(charactersBefore(end) - charactersBefore(begin));
      begin = end;
    }
    return answer;
  }

  #encode(text: string): Token[] {
    return [...this.#bos, ...this.#tokenizer.encode(text)];
  }

  #encodePrompt(prompt: Prompt): Token[] {
    return typeof prompt === 'string' ? this.#encode(prompt) : this.#encodeMessages(prompt);
  }

  /** By the file's own template if it has one, up to where the assistant begins to speak. */
  #encodeMessages(messages: readonly Message[]): Token[] {
    const { own } = this.#tokenizer;
    if (own) {
      const ids = encodePrompt(this.#template, own, { messages });
      return this.#bos.length > 0 ? ids : ids.slice(1);
    }
    const { chatTemplate: template } = this.#checked;
    if (template === undefined) return this.#encode(this.#template.render(messages, { addGenerationPrompt: true }));
    const { tokenizer } = this.#model.model;
    const wrapper = new this.#library.JinjaTemplateChatWrapper({ template, tokenizer });
    const { contextText } = wrapper.generateContextState({
      chatHistory: [
        ...messages.map(({ role, content }) =>
          role === 'assistant'
            ? { type: 'model' as const, response: [content] }
            : { type: role === 'system' ? ('system' as const) : ('user' as const), text: content },
        ),
        { type: 'model', response: [] },
      ],
    });
    const tokens = contextText.tokenize(tokenizer);
    // Templates may write BOS themselves.
    return this.#bos.length > 0 && tokens[0] !== this.#bos[0] ? [...this.#bos, ...tokens] : tokens;
  }

  #noBos(where: string): UserError {
    return new UserError('no-bos', `${this.model} says that texts begin without BOS, so there is nothing ${where}`, {
      remedy: 'Ask with a prompt.',
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#model[Symbol.asyncDispose]();
  }
}
