// In a process of its own: how far GGUF files are from the model they were made from, on the gate's prompts, without greedy text.
//   node divergence.ts MODEL FILE …  → {"FILE": mean nats, …}
import { divergence, enginePredictor, gatePrompts, llamaPredictor } from 'tsumugi/compress';
import { loadModel, loadTokenizer, startLlama } from 'tsumugi/lm';
import { llamaLibrary } from '../lib/llama.ts';

const [folder, ...files] = process.argv.slice(2);
using model = loadModel(folder!);
const tokenizer = loadTokenizer(folder!, model.config);
const prompts = gatePrompts.map((text) => tokenizer.encode(text, { addBos: true, safe: true }));
const source = enginePredictor(model, 'the source');
const library = await llamaLibrary();
await startLlama(library);
const contextSize = 1 + Math.max(...prompts.map(({ length }) => length));
const means: Record<string, number> = {};
for (const file of files) {
  await using artefact = await llamaPredictor(library, file, { contextSize, vocabularySize: model.config.vocab_size });
  let [sum, count] = [0, 0];
  for (const ids of prompts) {
    const [expected, found] = [await source.nextLogits(ids), await artefact.nextLogits(ids)];
    for (const [i, row] of expected.entries()) sum += divergence(row, found[i]!);
    count += expected.length;
  }
  means[file] = sum / count;
}
process.stdout.write(JSON.stringify(means), () => process.exit());
