// combination: two answers, or the request repeated before the answer.
import { strip } from '../../white-space.ts';
import type { Verifier } from './verifier.ts';

/** Two different answers between `******`; a divider before the first or after the last is allowed. */
export const twoResponses: Verifier = () => (response) => {
  const parts = response.split('******').map((part) => strip(part));
  if (parts.slice(1, -1).includes('')) return false;
  const answers = parts.filter((part) => part !== '');
  return answers.length === 2 && answers[0] !== answers[1];
};

export const repeatPrompt: Verifier = (fields) => {
  const prompt = strip(fields.text('prompt_to_repeat'));
  return (response) => strip(response).startsWith(prompt);
};
