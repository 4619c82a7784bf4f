// The two sides of the gate: a model in this process, and a GGUF file in llama.cpp.
import {
  Engine,
  GgufModel,
  type GgufModelOptions,
  idsRow,
  type LlamaLibrary,
  type Plamo2,
  roomFor,
} from '../../lm/index.ts';
import { noGrad, scope } from '../../torch/index.ts';
import type { Predictor } from './compare.ts';

/** A model that is loaded here. */
export function enginePredictor(model: Plamo2, name: string): Predictor {
  return {
    name,
    nextLogits: async (ids) =>
      noGrad(() =>
        scope(() => {
          const hidden = model.forward(idsRow(ids, model.parameterDevice));
          const logits = model.logits(hidden).float().squeeze(0); // [T, V]
          const width = logits.size(1);
          const all = logits.data() as Float32Array;
          return ids.map((_, i) => all.subarray(i * width, (i + 1) * width));
        }),
      ),
    greedy: (prompts, maxTokens, ends) => greedyTogether(model, prompts, { maxTokens, stopIds: ends }),
  };
}

/** All texts at once: what is quantized is made once a pass, for all of them. */
async function greedyTogether(
  model: Plamo2,
  prompts: readonly (readonly number[])[],
  { maxTokens, stopIds }: { maxTokens: number; stopIds: readonly number[] },
): Promise<number[][]> {
  const written = prompts.map((): number[] => []);
  if (maxTokens === 0) return written;
  const longest = Math.max(...prompts.map(({ length }) => length)) + maxTokens;
  const memory = { prefixCache: false, cacheBytes: roomFor(model.config, prompts.length, longest) };
  using engine = new Engine(model, { slots: prompts.length, ...memory });
  let failure: { error: unknown } | undefined;
  for (const [i, prompt] of prompts.entries())
    engine.add({
      prompt,
      maxTokens,
      temperature: 0,
      stopIds,
      onId: (id) => {
        written[i]!.push(id);
        return false;
      },
      onEnd: () => {},
      onError: (error) => {
        failure ??= { error };
      },
    });
  await engine.run();
  if (failure) throw failure.error;
  return written;
}

export interface LlamaPredictor extends Predictor, AsyncDisposable {}

/**
 * A GGUF file in llama.cpp, with keys and values in float32.
 *
 * @throws UserError when llama.cpp cannot load it
 */
export async function llamaPredictor(
  library: LlamaLibrary,
  file: string,
  options: GgufModelOptions,
): Promise<LlamaPredictor> {
  const model = await GgufModel.open(library, file, options);
  return {
    name: `llama.cpp (node-llama-cpp ${await library.getModuleVersion()})`,
    nextLogits: (ids) => model.nextLogits(ids),
    async greedy(prompts, maxTokens, ends) {
      const written: number[][] = [];
      for (const ids of prompts) written.push(await greedyBy(model, ids, maxTokens, ends));
      return written;
    },
    [Symbol.asyncDispose]: () => model[Symbol.asyncDispose](),
  };
}

async function greedyBy(
  model: GgufModel,
  ids: readonly number[],
  maxTokens: number,
  ends: readonly number[],
): Promise<number[]> {
  const written: number[] = [];
  if (maxTokens === 0) return written;
  for await (const id of model.generate(ids, { temperature: 0, topP: 1, seed: 0 })) {
    if (ends.includes(id)) break;
    written.push(id);
    if (written.length === maxTokens) break;
  }
  return written;
}
