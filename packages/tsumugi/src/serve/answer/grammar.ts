// What an answer is held to, as a grammar: a format that was asked for, or calls of tools where one must be called.
import { DataError } from '../../base/index.ts';
import { grammarOf, toolFormat, toolGrammar } from '../../text/index.ts';
import { badRequest } from '../http/http-error.ts';
import type { ServedModel } from '../served-model.ts';
import type { Call } from './call.ts';

/** Undefined where the model writes as it likes. @throws HttpError 400 for what no text can be held to */
export function answerGrammar({ name, template }: ServedModel, { prompt, format }: Call): string | undefined {
  const { tools = [], toolChoice = 'auto', parallelToolCalls } = 'messages' in prompt ? prompt : {};
  const mustCall = toolChoice !== 'auto' && toolChoice !== 'none';
  if (mustCall && template && toolFormat(template) !== 'tags')
    throw badRequest(
      'unknown_tool_format',
      `the chat template of ${name} does not say how tools are called, so that no call can be asked for`,
      'tool_choice',
      'Leave it to the model, or name a template that has <tool_call>.',
    );
  try {
    if (mustCall) return toolGrammar(tools, toolChoice, parallelToolCalls);
    return format && grammarOf(format);
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    throw badRequest('bad_grammar', error.fault, mustCall ? 'tools' : 'response_format', error.remedy);
  }
}
