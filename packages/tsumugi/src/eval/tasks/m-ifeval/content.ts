// detectable_content: placeholders and a postscript.
import { strip } from '../../white-space.ts';
import { pairs, type Verifier } from './verifier.ts';

export const numberPlaceholders: Verifier = (fields) => {
  const least = fields.count('num_placeholders');
  return (response) => pairs(response, '[', ']').length >= least;
};

/** "P.S." and "P.P.S" allow a space after their dots; any other marker ("追伸", "P.P.S.") stands as it is. No case. */
const spaced: ReadonlyMap<string, RegExp> = new Map([
  ['P.S.', /p\.\s?s\./i],
  ['P.P.S', /p\.\s?p\.\s?s/i],
]);

export const postscript: Verifier = (fields) => {
  const marker = strip(fields.text('postscript_marker'));
  const pattern = spaced.get(marker);
  if (pattern) return (response) => pattern.test(response);
  return (response) => response.toLowerCase().includes(marker.toLowerCase());
};
