// Texts and conversations as the ids that a model reads, and back.
import type { Steps } from '../../base/index.ts';
import type { Message, Tokenizer } from '../../text/index.ts';
import { badRequest, type HttpError } from '../http/http-error.ts';
import type { ServedModel } from '../served-model.ts';
import type { Serving } from '../serving.ts';
import type { DetokenizeBody, TokenizeBody } from './request.ts';

/** In steps. @throws HttpError for what is none or several of text and conversation */
export function* tokenize(model: ServedModel, body: TokenizeBody, encode: Serving['encode']) {
  const ids = yield* idsOf(model, body, encode);
  const { tokenizer, contextTokens } = model;
  return {
    count: ids.length,
    max_model_len: contextTokens,
    tokens: body.with_pieces ? ids.map((id) => ({ id, piece: pieceOf(tokenizer, id) })) : ids,
    ...(body.return_token_strs && { token_strs: ids.map((id) => tokenizer.piece(id)!.text) }),
  };
}

function* idsOf(model: ServedModel, body: TokenizeBody, encode: Serving['encode']): Steps<readonly number[]> {
  const { prompt, content, messages, tools } = body;
  const given = [prompt, content, messages].filter((each) => each !== undefined);
  if (given.length !== 1)
    throw badRequest(
      'bad_prompt',
      `give one of "prompt", "content" and "messages", not ${given.length === 0 ? 'none' : given.length}`,
      given.length === 0 ? 'prompt' : undefined,
    );
  if (messages) return (yield* encode(model.name, { messages: messages.map(asMessage), tools })).ids;
  const addBos = body.add_special_tokens ?? body.add_special ?? prompt !== undefined;
  return yield* model.tokenizer.encodeSteps((prompt ?? content)!, { addBos, safe: !body.parse_special });
}

const asMessage = ({ role, ...rest }: NonNullable<TokenizeBody['messages']>[number]): Message => ({
  ...rest,
  role: role === 'developer' ? 'system' : role,
});

/** A piece as text; as bytes where it is no whole character. */
function pieceOf(tokenizer: Tokenizer, id: number): string | readonly number[] {
  const byte = tokenizer.vocabulary.bytes[id]!;
  if (byte < 0) return tokenizer.piece(id)!.text;
  return byte < 0x80 ? String.fromCharCode(byte) : [byte];
}

/** In steps. @throws HttpError naming the first id that is none */
export function* detokenize(
  { tokenizer, config }: ServedModel,
  { tokens }: DetokenizeBody,
): Steps<Record<'prompt' | 'content', string>> {
  const wrong = tokens.findIndex((id) => id >= config.vocab_size);
  if (wrong >= 0) throw noId(tokens[wrong]!, wrong, config.vocab_size);
  const text = yield* tokenizer.decodeSteps(tokens);
  return { prompt: text, content: text };
}

const noId = (id: number, place: number, size: number): HttpError =>
  badRequest(
    'bad_id',
    `token ${place} is ${id}, but the vocabulary has ${size}: ids go to ${size - 1}`,
    `tokens.${place}`,
    'Take ids of this model.',
  );
