// language: the whole response in one language. Where the language cannot be told, the instruction counts as followed.
import { suggestion } from '../../../base/index.ts';
import type { Verifier } from './verifier.ts';

export const responseLanguage: Verifier = (fields, tools) => {
  const wanted = fields.text('language');
  if (!tools.languages.includes(wanted))
    throw fields.wrong('language', `a language that can be identified (${suggestion(wanted, tools.languages)})`);
  return (response) => {
    const found = tools.language(response);
    return found === undefined || found === wanted;
  };
};
