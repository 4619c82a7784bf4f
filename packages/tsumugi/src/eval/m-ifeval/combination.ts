// combination: two answers, or the request repeated before the answer.
import type { Verifier } from './verifier.ts';

/** Two different answers between `******`; a divider before the first or after the last is allowed. */
export const twoResponses: Verifier = () => (response) => {
  const parts = response.split('******').map((part) => part.trim());
  if (parts.slice(1, -1).includes('')) return false;
  const answers = parts.filter((part) => part !== '');
  return answers.length === 2 && answers[0] !== answers[1];
};

export const repeatPrompt: Verifier = (fields) => {
  const prompt = fields.text('prompt_to_repeat').trim();
  return (response) => response.trim().startsWith(prompt);
};
