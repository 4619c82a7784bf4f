// The model that is served, with random weights: in memory, as a folder for a server, and as a GGUF file of the same weights, all in f32.
import { join } from 'node:path';
import { UserError } from 'tsumugi/base';
import { exportGguf } from 'tsumugi/compress';
import { type LlamaLibrary, type Plamo2, type Plamo2Config, preset, saveModel } from 'tsumugi/lm';
import { numParameters } from 'tsumugi/nn';
import { llamaLibrary } from '../lib/llama.ts';
import { disturb, newModel } from '../lib/lm.ts';
import { smallTokenizer } from '../lib/random-model.ts';

export interface Subject {
  name: string;
  config: Plamo2Config;
  model: Plamo2;
  folder: string;
  /** What llama.cpp reads; undefined without node-llama-cpp. */
  gguf: { library: LlamaLibrary; file: string } | undefined;
  /** Of a prompt and its answer together. */
  contextTokens: number;
}

/** llama.cpp knows no window, so no attention layer has one that matters within the context. */
const subjects = (quick: boolean): { name: string; config: Plamo2Config; contextTokens: number } =>
  quick
    ? { name: 'mini', config: preset('mini', { attention_window_size: 512 }), contextTokens: 512 }
    : { name: 'bench', config: preset('bench', { attention_window_size: 4096 }), contextTokens: 4096 };

/** Writes into a folder that is there. Notes say what the model is, and why there is no peer. */
export async function makeSubject(home: string, quick: boolean, notes: string[]): Promise<Subject> {
  const { name, config, contextTokens } = subjects(quick);
  const model = newModel(config);
  disturb(model); // otherwise all tokens are alike, and which is the likeliest a matter of rounding
  const folder = join(home, 'model');
  smallTokenizer(home);
  saveModel(folder, model, { tokenizerFolder: home });
  const bytes = 4 * numParameters(model);
  notes.push(`${name}: ${(bytes / 4e6).toFixed(1)} M parameters, ${(bytes / 1e6).toFixed(0)} MB of f32 weights`);
  const subject = { name, config, model, folder, contextTokens };
  try {
    const library = await llamaLibrary();
    const file = join(home, 'model.gguf');
    await exportGguf({ model: folder, out: file, type: 'F32', context: contextTokens, gate: false });
    const version = await library.getModuleVersion();
    notes.push(
      `peer: llama.cpp in node-llama-cpp ${version}, the same weights in an F32 GGUF, an f32 cache, as many threads`,
    );
    return { ...subject, gguf: { library, file } };
  } catch (error) {
    if (!(error instanceof UserError) || error.code !== 'no-llama-cpp') throw error;
    notes.push(`no comparison with llama.cpp: ${error.message}`);
    return { ...subject, gguf: undefined };
  }
}
