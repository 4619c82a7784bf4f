// Prompt templates: a text in which {{name}} stands for a field of the row. Nothing else is special, so that prompts may hold JSON
// and code.
import { ConfigError } from '../../base/index.ts';

const variable = /\{\{\s*([^{}]*?)\s*\}\}/g;

/** A name may be in any script: {{質問}}. */
const isName = (name: string): boolean => /^[\p{L}_][\p{L}\p{N}_.-]*$/u.test(name);

export interface Template {
  readonly source: string;
  /** In the order in which they come first. */
  readonly variables: readonly string[];
  /** @param fieldText the text of a field */
  render(fieldText: (name: string) => string): string;
}

/** @param where it stands, for errors. @throws ConfigError for what stands in braces and is no name */
export function parseTemplate(source: string, where: string): Template {
  const names = Array.from(source.matchAll(variable), ([, name]) => name!);
  const wrong = names.find((name) => !isName(name));
  if (wrong !== undefined)
    throw new ConfigError('bad-template', `${where}: {{${wrong}}} is no name of a field`, {
      remedy: 'Write {{name}}: letters, digits, _ . and -.',
      fields: { where, variable: wrong },
    });
  // One pass over the source: braces in what is put in stay what they are.
  const render = (fieldText: (name: string) => string) =>
    source.replace(variable, (_, name: string) => fieldText(name));
  return { source, variables: [...new Set(names)], render };
}

/** A template, or the name of a field alone. */
export const fieldOrTemplate = (text: string, where: string): Template =>
  parseTemplate(text.includes('{{') ? text : `{{${text}}}`, where);
