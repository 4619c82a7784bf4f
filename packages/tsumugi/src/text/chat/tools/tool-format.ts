// Calls of tools as models write them: <tool_call>{"name": …, "arguments": {…}}</tool_call>, the way of the Hermes models, which many
// templates in ChatML share. No format is published for PLaMo 2; this one is what a template of ours may ask for.
import type { ChatTemplate } from '../template.ts';

export const CALL_BEGIN = '<tool_call>';
export const CALL_END = '</tool_call>';

/**
 * Whether a template tells a model of tools (`none`: it has no place for them), and how it has them called: within the tags that are read
 * here, or some way that is not known.
 */
export function toolFormat({ source }: Pick<ChatTemplate, 'source'>): 'none' | 'tags' | 'unknown' {
  if (!/\btools\b/.test(source)) return 'none';
  return source.includes(CALL_BEGIN) ? 'tags' : 'unknown';
}
