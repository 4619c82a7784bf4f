// A model with an adapter on it, for the commands that run models.
import { ConfigError } from '../base/index.ts';
import { baseOf, type LoadModelOptions, loadAdapted, loadModel, type Plamo2 } from '../lm/index.ts';
import { folderOf } from './hub-folder.ts';
import type { Io } from './io.ts';

export const adapterOption = {
  type: 'string',
  value: 'DIR',
  help: "adapter in PEFT's layout; its base is --model, or, without it, the one that it names",
} as const;

/** Said where a quantized base was merged with an adapter. */
export const DEQUANTIZED =
  'the base is quantized: its weights became float32 numbers, as few bits cannot hold what an adapter adds';

export interface ModelPlace {
  model: string | undefined;
  adapter: string | undefined;
}

/** The folder of the model, or of the base that the adapter names. @throws ConfigError when neither is given */
export async function modelFolder({ model, adapter }: ModelPlace, io: Io): Promise<string> {
  if (model !== undefined) return model;
  if (adapter !== undefined) return await folderOf(baseOf(adapter), 'model', io);
  throw new ConfigError('missing-option', 'needs --model DIR|NAME, or --adapter DIR, which names its base', {
    remedy: 'Write --model DIR.',
    fields: { option: '--model' },
  });
}

/** Loads the model in `folder`, with the adapter where there is one. */
export const openModel = async (
  folder: string,
  adapter: string | undefined,
  options: LoadModelOptions,
): Promise<Plamo2> => (adapter === undefined ? loadModel(folder, options) : await loadAdapted(folder, adapter, options));
