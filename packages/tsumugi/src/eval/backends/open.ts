// The backend that a model's place asks for: a folder, a GGUF file, an address.
import { statSync } from 'node:fs';
import { ConfigError, DataError } from '../../base/index.ts';
import type { Device, DType } from '../../torch/index.ts';
import type { Backend } from '../backend.ts';

export interface BackendSpec {
  /** A model folder or a .gguf file; with `endpoint`, the model's name there. */
  model: string;
  /** An adapter over a model folder. */
  adapter?: string | undefined;
  /** Address of an OpenAI-compatible service, e.g. http://localhost:8000/v1. */
  endpoint?: string | undefined;
  /** Name of the environment variable that holds the service's key. */
  apiKeyEnv?: string | undefined;
  /** How text is asked for at an endpoint. Default: found out. */
  chat?: 'completions' | 'chat' | undefined;
  /** Requests on their way to an endpoint at a time. */
  concurrency?: number | undefined;
  /** Seconds that an endpoint may take for one answer. */
  timeoutSeconds?: number | undefined;
  /** Whether an endpoint's reasoning is part of the text. Default: 'drop'. */
  reasoning?: 'drop' | 'keep' | undefined;
  /** Tokens that a GGUF's context holds. */
  contextSize?: number | undefined;
  /** For a model folder. */
  device?: Device | undefined;
  dtype?: DType | undefined;
  /** Chat template of a model folder: a name or a .jinja file. Default: its own, or a plain instruction. */
  template?: string | undefined;
  /** Texts that a model folder generates at the same time. */
  slots?: number | undefined;
}

/**
 * Opens a backend; its code is loaded only then.
 *
 * @throws UserError when the model is not there, cannot be loaded or cannot be reached
 */
export async function openBackend(spec: BackendSpec): Promise<Backend> {
  const { model, endpoint, contextSize, device, dtype, slots } = spec;
  if (endpoint !== undefined) {
    const { openaiBackend } = await import('./openai.ts');
    const { apiKeyEnv, chat, concurrency, timeoutSeconds, reasoning } = spec;
    return openaiBackend({ endpoint, model, apiKeyEnv, chat, concurrency, timeoutSeconds, reasoning });
  }
  if (spec.apiKeyEnv !== undefined)
    throw new ConfigError('no-endpoint', 'a key is for an endpoint, but none was named', {
      remedy: 'Name the --endpoint, or leave the key out.',
    });
  const found = statSync(model, { throwIfNoEntry: false });
  if (!found)
    throw new DataError('no-model', `${model} does not exist`, {
      remedy: 'Name a model folder, a .gguf file, or with --endpoint the service that has a model of this name.',
      fields: { path: model },
    });
  if (found.isFile()) {
    const { ggufBackend } = await import('./gguf.ts');
    return ggufBackend({ file: model, contextSize });
  }
  const { openEngine } = await import('./engine.ts');
  return openEngine(model, { device, dtype, slots, adapter: spec.adapter, template: spec.template });
}
