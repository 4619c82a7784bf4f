// node-llama-cpp, which evaluates GGUF files with llama.cpp: the part of it that is used here, and where it is found. It is large
// (85 to 725 MB), so it is installed by those who want it. Source: the type declarations of node-llama-cpp 3.22.1.
import { loadOptional } from '../../base/index.ts';

/** The version this is made for and tested with. */
export const libraryVersion = '3.22.1';

export type Token = number;

export interface LlamaLibrary {
  getLlama(options: {
    gpu: false;
    build: 'never';
    progressLogs: false;
    logLevel: 'error';
    maxThreads: 0;
    logger: (level: string, message: string) => void;
  }): Promise<Llama>;
  getModuleVersion(): Promise<string>;
  /** Renders conversations with a Jinja chat template. */
  JinjaTemplateChatWrapper: new (options: {
    template: string;
    tokenizer: LlamaModel['tokenizer'];
  }) => ChatWrapper;
}

interface Llama {
  loadModel(options: { modelPath: string }): Promise<LlamaModel>;
}

export interface LlamaModel {
  readonly tokenizer: unknown;
  /** "plamo2 1B Q8_0". */
  readonly typeDescription: string;
  readonly tokens: { readonly bos: Token | null; readonly shouldPrependBosToken: boolean };
  /** Without BOS. */
  tokenize(text: string, specialTokens?: boolean): Token[];
  detokenize(tokens: readonly Token[], specialTokens?: boolean): string;
  isEogToken(token: Token): boolean;
  /** And of its contexts. */
  dispose(): Promise<void>;
  createContext(options: {
    contextSize: number;
    sequences: 1;
    flashAttention: false;
    experimentalKvCacheKeyType: 'F32';
    experimentalKvCacheValueType: 'F32';
    threads?: number;
  }): Promise<LlamaContext>;
}

export interface LlamaContext {
  readonly contextSize: number;
  getSequence(): LlamaSequence;
}

/** A token to read; with options, what is asked about the token that comes after it. */
export type Input = Token | [token: Token, options: { generateNext: { logits: true } }];

export interface LlamaSequence {
  readonly nextTokenIndex: number;
  clearHistory(): Promise<void>;
  takeCheckpoint(): Promise<void>;
  eraseContextTokenRanges(ranges: { start: number; end: number }[]): Promise<void>;
  evaluateWithoutGeneratingNewTokens(tokens: Token[]): Promise<void>;
  controlledEvaluate(
    input: Input[],
    options: { onTokenResult(index: number, result: { next: { logits?: Map<Token, number> } }): void },
  ): Promise<unknown>;
  evaluate(
    tokens: Token[],
    options: { temperature: number; topK: 0; topP: number; minP: 0; seed: number; yieldEogToken: true },
  ): AsyncGenerator<Token, void, undefined>;
}

/** Text in which what a template writes is told from what it was given. */
export interface TemplateText {
  tokenize(tokenizer: unknown): Token[];
}

interface ChatWrapper {
  generateContextState(state: {
    chatHistory: ({ type: 'system' | 'user'; text: string } | { type: 'model'; response: string[] })[];
  }): { contextText: TemplateText };
}

/** @throws UserError when node-llama-cpp is not installed, or does not load */
export async function importLibrary(): Promise<LlamaLibrary> {
  const library = {
    code: 'no-llama-cpp',
    purpose: 'GGUF files are run by',
    versions: { 'node-llama-cpp': libraryVersion },
  };
  // The type hides the name from the compiler, which must do without the package.
  return loadOptional(library, async () => (await import('node-llama-cpp' as string)) as LlamaLibrary);
}

/** What llama.cpp has complained about in this process. */
const complaints: string[] = [];
const running = new WeakMap<LlamaLibrary, Promise<Llama>>();

/** llama.cpp, once for the process: a second one would write what it has to say to stderr. */
export async function startLlama(library: LlamaLibrary): Promise<{ llama: Llama; complaints: readonly string[] }> {
  const started =
    running.get(library) ??
    library.getLlama({
      gpu: false,
      build: 'never',
      progressLogs: false,
      logLevel: 'error',
      maxThreads: 0,
      logger: (_level, message) => complaints.push(message.trim()),
    });
  running.set(library, started);
  return { llama: await started, complaints };
}
