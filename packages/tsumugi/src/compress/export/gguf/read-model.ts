// The weights of a GGUF file of a PLaMo 2 model, under their names in a checkpoint: of files of ours, and of those that keep gate
// and up apart, name norms otherwise, or repeat a tied head.
import { FormatError } from '../../../base/index.ts';
import { Plamo2, type Plamo2Config } from '../../../lm/index.ts';
import { GgufFile, ggufTypeOf, unreadType } from '../../../store/index.ts';
import { cat, scope, type Tensor } from '../../../torch/index.ts';
import { readGgufConfig } from './read-config.ts';
import { type MappedTensor, tensorMap } from './tensor-map.ts';

/** Tensors that llama.cpp's tools add and that hold nothing of the model's own. */
const idle = new Set(['rope_freqs.weight']);

interface GgufWeights {
  config: Plamo2Config;
  tensors: readonly { hf: string; shape: readonly number[]; read(): Tensor }[];
}

/**
 * @throws FormatError naming what is missing, not known, of another shape, or of a type that is not read
 */
export function ggufWeights(file: GgufFile): GgufWeights {
  const config = readGgufConfig(file);
  if (!config.qk_norm) throw refusal(file, 'is of a model without QK-norm, which no GGUF file can hold');
  const used = new Set<string>();
  const sources = tensorMap(config).map((tensor) => ({ tensor, names: namesOf(file, tensor) }));
  for (const { tensor, names } of sources) {
    for (const name of names) used.add(name);
    checkShape(file, tensor, names);
  }
  const left = [...file.tensors.keys()].find((name) => !used.has(name) && !idle.has(name));
  if (left !== undefined) throw refusal(file, `holds the tensor "${left}", which PLaMo 2 does not have`);
  return {
    config,
    tensors: sources.map(({ tensor, names }) => ({
      hf: tensor.hf,
      shape: tensor.hfShape,
      read: () => scope(() => tensor.toHf(readAll(file, names).view(tensor.shape))),
    })),
  };
}

const readAll = (file: GgufFile, names: readonly string[]): Tensor =>
  names.length === 1
    ? file.tensor(names[0]!)
    : cat(
        names.map((name) => file.tensor(name)),
        0,
      );

/** The tensor's name in this file; gate and up where they are two. */
function namesOf(file: GgufFile, { gguf }: MappedTensor): string[] {
  const gate = gguf.replace('ffn_up.weight', 'ffn_gate.weight');
  if (gate !== gguf && file.tensors.has(gate) && file.tensors.has(gguf)) return [gate, gguf];
  const other = gguf.endsWith('.weight') ? gguf.slice(0, -'.weight'.length) : `${gguf}.weight`;
  const found = [gguf, other].find((name) => file.tensors.has(name));
  if (found === undefined) throw refusal(file, `lacks the tensor "${gguf}"`);
  return [found];
}

function checkShape(file: GgufFile, { gguf, shape }: MappedTensor, names: readonly string[]): void {
  const infos = names.map((name) => file.tensors.get(name)!);
  for (const [i, { type }] of infos.entries())
    if (ggufTypeOf(type) === undefined) throw unreadType(file.path, names[i]!, type);
  const ones = (sizes: readonly number[]) => sizes.filter((size) => size !== 1).join();
  const found = [infos.reduce((rows, { shape }) => rows + shape[0]!, 0), ...infos[0]!.shape.slice(1)];
  if (ones(found) === ones(shape)) return;
  throw refusal(
    file,
    `has "${gguf}" of the shape [${found.join(', ')}], but its metadata ask for [${shape.join(', ')}]`,
  );
}

const refusal = (file: GgufFile, fault: string) =>
  new FormatError('gguf-tensor', `${file.path} ${fault}`, {
    remedy: 'Get the file again from where it came from, or one made by another converter.',
    fields: { path: file.path },
  });

/** A PLaMo 2 model from a GGUF file, dequantized to float32. @throws as `ggufWeights` */
export function loadGgufModel(path: string): Plamo2 {
  using file = new GgufFile(path);
  const { config, tensors } = ggufWeights(file);
  const byName = new Map(tensors.map((tensor) => [tensor.hf, tensor]));
  return new Plamo2(config, (name) => byName.get(name)!.read());
}
