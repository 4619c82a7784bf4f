// What a GGUF file says of itself, looked at before llama.cpp gets to see it, because some files make llama.cpp go wrong.
import { UserError } from '../../base/index.ts';
import type { Gguf } from '../../store/index.ts';

const controlTokenType = 3;

export interface CheckedGguf {
  path: string;
  architecture: string;
  /** Tokens the model was trained on at once, as the file says. */
  sequenceLength: number | undefined;
  /** Jinja. */
  chatTemplate: string | undefined;
  /** The vocabulary: texts, and for some kinds scores and GGUF's numbers of types. */
  pieces: readonly string[];
  scores: readonly number[];
  tokenTypes: readonly number[];
  ids: Readonly<Partial<Record<'bos' | 'eos' | 'eot' | 'eom', number>>>;
}

/** @throws UserError for a file that llama.cpp would hang on or misread, saying why and what to do */
export function checkGguf({ metadata, path, tensorCount }: Gguf): CheckedGguf {
  const text = (key: string) => {
    const value = metadata.get(key);
    return typeof value === 'string' ? value : undefined;
  };
  const number = (key: string) => {
    const value = metadata.get(key);
    return typeof value === 'number' ? value : undefined;
  };
  const list = <T extends 'string' | 'number'>(key: string, type: T) => {
    const value = metadata.get(key);
    const fits = Array.isArray(value) && value.every((element) => typeof element === type);
    return (fits ? value : []) as readonly (T extends 'string' ? string : number)[];
  };
  const refuse = (code: string, fault: string, remedy: string) =>
    new UserError(code, `${path} ${fault}`, { remedy, fields: { path } });

  const architecture = text('general.architecture');
  const pieces = list('tokenizer.ggml.tokens', 'string');
  if (architecture === undefined || tensorCount === 0 || pieces.length === 0)
    throw refuse('no-gguf-model', 'holds no language model', 'Give the GGUF file of a language model.');
  const parts = number('split.count');
  if (parts !== undefined && parts > 1)
    throw refuse(
      'split-gguf',
      `is one of ${parts} files of a model`,
      'Put them together first: llama-gguf-split --merge FIRST.gguf WHOLE.gguf',
    );
  if (architecture === 'plamo2' && list('plamo2.attention.head_count', 'number').includes(0))
    throw refuse(
      'gguf-head-count',
      'gives its Mamba layers 0 attention heads (plamo2.attention.head_count), as llama.cpp’s own converter does. ' +
        'llama.cpp takes the size of its rotary embedding from the first layer’s, gets 0, and then never answers',
      'Give every layer the head count of the attention layers (attention.head_count_kv stays 0 for Mamba layers), ' +
        'or evaluate the safetensors folder.',
    );
  const id = (role: string) => number(`tokenizer.ggml.${role}_token_id`);
  return {
    path,
    architecture,
    sequenceLength: number(`${architecture}.context_length`),
    chatTemplate: text('tokenizer.chat_template'),
    pieces,
    scores: list('tokenizer.ggml.scores', 'number'),
    tokenTypes: list('tokenizer.ggml.token_type', 'number'),
    ids: Object.fromEntries(
      ['bos', 'eos', 'eot', 'eom'].map((role) => [role, id(role)] as const).filter(([, value]) => value !== undefined),
    ),
  };
}

/**
 * Whether the file means a token to end a text. llama.cpp goes by spelling, too, and takes PLaMo's ordinary token "</s>", a
 * piece of HTML, for an end (llama.cpp issue 29577).
 */
export function endsText({ ids, tokenTypes }: CheckedGguf, token: number): boolean {
  return token === ids.eos || token === ids.eot || token === ids.eom || tokenTypes[token] === controlTokenType;
}
