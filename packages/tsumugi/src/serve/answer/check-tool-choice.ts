// Which tool is to be called must be there.

import type { ToolChoice } from '../../text/index.ts';
import { badRequest } from '../http/http-error.ts';

/** @param names of the tools @throws HttpError 400 for a choice of a tool that there is not */
export function checkToolChoice(choice: ToolChoice | undefined, names: readonly string[], field = 'tool_choice'): void {
  if (choice === undefined || choice === 'none' || choice === 'auto') return;
  if (names.length === 0)
    throw badRequest('no_tools', `${field} asks for a tool, and there are no tools`, field, 'Send tools with it.');
  if (choice === 'required' || names.includes(choice.name)) return;
  const name = JSON.stringify(choice.name.slice(0, 64));
  throw badRequest('unknown_tool', `${field} names ${name}, which is not among the tools`, field);
}
