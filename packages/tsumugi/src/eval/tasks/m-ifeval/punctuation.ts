// punctuation: responses without 、 or 。 (only these two characters; half-width and Western marks are free).
import type { Verifier } from './verifier.ts';

export const noComma: Verifier = () => (response) => !response.includes('、');

export const noPeriod: Verifier = () => (response) => !response.includes('。');
