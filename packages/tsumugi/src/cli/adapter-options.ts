// A model with an adapter on it, for the commands that run models.
import { ConfigError } from '../base/index.ts';
import { baseOf, type LoadModelOptions, loadAdapted, loadModel, type Plamo2 } from '../lm/index.ts';
import { folderOf } from './hub-folder.ts';
import type { Io } from './io.ts';
import { modelOptions } from './model-options.ts';

const { required: _, ...optional } = modelOptions.model;

export const adapterOption = {
  type: 'string',
  value: 'DIR',
  help: "adapter in PEFT's layout; its base is --model, or, without it, the model that it names",
} as const;

/** `modelOptions` with an adapter beside them. */
export const adaptedOptions = { ...modelOptions, model: optional, adapter: adapterOption } as const;

/** Said where a quantized base was merged with an adapter. */
export const DEQUANTIZED =
  'the base is quantized: its weights became float32 numbers, as few bits cannot hold what an adapter adds';

interface ModelPlace {
  readonly model?: string | undefined;
  readonly adapter?: string | undefined;
}

/** The folder of the model, or of the base that the adapter names. @throws ConfigError when neither is given */
export async function modelFolder(command: string, { model, adapter }: ModelPlace, io: Io): Promise<string> {
  if (model !== undefined) return model;
  if (adapter !== undefined) return await folderOf(baseOf(adapter), 'model', io);
  throw new ConfigError('missing-option', `${command} needs --model ${optional.value} (${optional.help})`, {
    remedy: `See ${command} --help.`,
    fields: { option: '--model' },
  });
}

/** Loads the model in `folder`, with the adapter where there is one. */
export const openModel = async (folder: string, { adapter }: ModelPlace, options: LoadModelOptions): Promise<Plamo2> =>
  adapter === undefined ? loadModel(folder, options) : await loadAdapted(folder, adapter, options);
