// A GGUF file against the model it was made from: loaded by llama.cpp itself, or, where node-llama-cpp is not installed, by this
// project's own reader, which says so.
import { UserError } from '../../../base/index.ts';
import { endIds, importLibrary, type LlamaLibrary, type Plamo2, startLlama } from '../../../lm/index.ts';
import { numParameters } from '../../../nn/index.ts';
import type { Tokenizer } from '../../../text/index.ts';
import { enginePredictor, type GateReport, gateContext, llamaPredictor, parityGate } from '../../gate/index.ts';
import { gateLimits } from './limits.ts';
import { loadGgufModel } from './read-model.ts';
import { reachOf } from './refusals.ts';
import type { GgufFileType } from './types.ts';

/** Weights. */
const smallModel = 100e6;

export interface GateGgufOptions {
  file: string;
  model: Plamo2;
  tokenizer: Tokenizer;
  type: GgufFileType;
  /** Tokens that the file says it takes. */
  context: number;
  onPrompt?: ((done: number, total: number) => Promise<void> | void) | undefined;
  /** node-llama-cpp where it is not installed beside this package. */
  library?: LlamaLibrary | undefined;
  /** Of llama.cpp. Default: one per core, one alone for a small model. */
  threads?: number | undefined;
}

/** @throws UserError when they differ by more than the type explains, or llama.cpp cannot load the file */
export async function gateGguf(options: GateGgufOptions): Promise<GateReport> {
  const { file, model, tokenizer, type, onPrompt } = options;
  const context = Math.min(options.context, reachOf(model.config), gateContext);
  const source = enginePredictor(model, 'the source');
  const settings = {
    tokenizer,
    context,
    onPrompt,
    limits: gateLimits[type],
    ends: [...endIds(tokenizer, model.config), ...(tokenizer.opId === undefined ? [] : [tokenizer.opId])],
  };
  const { library, missing } = options.library ? { library: options.library } : await installedLibrary();
  if (library) {
    // The library keeps a context's last place free.
    // Threads of a small model mostly wait for each other.
    const threads = options.threads ?? (numParameters(model) < smallModel ? 1 : undefined);
    const sizes = { contextSize: context + 1, vocabularySize: model.config.vocab_size, threads };
    await using artefact = await llamaPredictor(library, file, sizes);
    return await parityGate(source, artefact, settings);
  }
  using reading = loadGgufModel(file);
  const name = `tsumugi’s own reader (${missing})`;
  return await parityGate(source, enginePredictor(reading, name), settings);
}

/** node-llama-cpp, when it is installed and runs on this machine; otherwise why not. */
async function installedLibrary(): Promise<{ library?: LlamaLibrary; missing?: string }> {
  try {
    const library = await importLibrary();
    await startLlama(library);
    return { library };
  } catch (error) {
    return {
      missing:
        error instanceof UserError ? error.message.split('\n')[0]! : `llama.cpp does not start: ${String(error)}`,
    };
  }
}
