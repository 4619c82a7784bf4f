// From a call's prompt to ids.
import { DataError, type Steps } from '../../base/index.ts';
import { type EncodedPrompt, encodeTurnsSteps } from '../../text/index.ts';
import { badRequest } from '../http/http-error.ts';
import type { ServedModel } from '../served-model.ts';
import type { Prompt } from './call.ts';
import type { RememberedAnswers } from './remembered-answers.ts';

/** In steps. @throws HttpError 400 when the model has no template, or its template does not take the conversation */
export function* encodePromptOf(
  model: ServedModel,
  prompt: Prompt,
  remembered?: RememberedAnswers,
): Steps<EncodedPrompt> {
  if ('ids' in prompt) return { ids: [...prompt.ids], boundaries: [] };
  const { tokenizer, template, name, place } = model;
  if ('text' in prompt)
    return { ids: yield* tokenizer.encodeSteps(prompt.text, { addBos: true, safe: true }), boundaries: [] };
  if (template === undefined)
    throw badRequest(
      'no_chat_template',
      `the model ${name} is a base model without a chat template: it goes on with texts and answers no messages`,
      'messages',
      'Send a text to /v1/completions, or start the server with --template.',
    );
  const { messages, tools, toolChoice } = prompt;
  try {
    const shown = toolChoice === 'none' ? undefined : tools;
    return yield* encodeTurnsSteps(template, tokenizer, { messages, tools: shown }, (before, answer) =>
      remembered?.get(name, before, answer),
    );
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    // Where its files lie is nothing that clients have to know.
    const told = [place.folder, place.adapter ?? place.folder].reduce(
      (text, path) => text.replaceAll(path, name),
      error.fault,
    );
    throw badRequest('chat_template_refused', told, 'messages', 'Change the messages.');
  }
}
