// node-llama-cpp, where it is: the peer of whatever is compared with llama.cpp.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { importLibrary, type LlamaLibrary, startLlama } from 'tsumugi/lm';

/** @throws UserError when it is not installed and TSUMUGI_NODE_LLAMA_CPP names none */
export async function llamaLibrary(): Promise<LlamaLibrary> {
  const place = process.env['TSUMUGI_NODE_LLAMA_CPP'];
  if (!place) return importLibrary();
  return (await import(pathToFileURL(join(place, 'dist/index.js')).href)) as LlamaLibrary;
}

/** Ends llama.cpp's threads, which keep the process alive. */
export async function endLlama(library: LlamaLibrary): Promise<void> {
  const { llama } = await startLlama(library);
  await (llama as unknown as { dispose(): Promise<void> }).dispose();
}
