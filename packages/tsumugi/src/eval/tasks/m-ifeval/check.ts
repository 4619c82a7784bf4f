// Strict and loose: does a response pass as it is, or in any of eight readings of it? A blank reading passes nothing.
import { strip } from '../../white-space.ts';
import type { Check } from './verifier.ts';

/**
 * The readings that the loose measure forgives: the response; without its first line, its last, both (an introduction, a
 * closing remark); and these four without asterisks (Markdown emphasis).
 */
export function looseReadings(response: string): string[] {
  const lines = response.split('\n');
  const parts = [lines.slice(1), lines.slice(0, -1), lines.slice(1, -1)];
  const readings = [response, ...parts.map((part) => strip(part.join('\n')))];
  return [...readings, ...readings.map((reading) => reading.replaceAll('*', ''))];
}

export const passesStrict = (response: string, check: Check) => strip(response) !== '' && check(response);

export const passesLoose = (response: string, check: Check) =>
  looseReadings(response).some((reading) => passesStrict(reading, check));
