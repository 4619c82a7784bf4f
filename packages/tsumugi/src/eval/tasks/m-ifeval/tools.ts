// The two libraries behind the checks, loaded when an evaluation needs them. The original uses Janome and langdetect
// (Python); ours are lindera with the same IPADIC dictionary, and ELD. docs/m-ifeval.md has how far they agree.
import { loadOptional, type OptionalPackages } from '../../../base/index.ts';
import type { Token, Tools } from './verifier.ts';

/** This benchmark alone needs them. */
export const mIfEvalPackages = {
  code: 'no-m-ifeval-packages',
  purpose: 'M-IFEval-ja is checked with',
  versions: { 'lindera-wasm-nodejs-ipadic': '2.0.0', eld: '2.1.0' },
} as const satisfies OptionalPackages;

const { versions } = mIfEvalPackages;

/** For results: a score depends on them. */
export const toolVersions = {
  analyser: `lindera-wasm-nodejs-ipadic ${versions['lindera-wasm-nodejs-ipadic']}`,
  language_identifier: `eld ${versions.eld} (small)`,
};

/**
 * IPADIC's rule for words it does not know: a noun, unless its characters are of the class DEFAULT (emoji, modifiers,
 * rare scripts' marks), which makes it a symbol. Letters, digits and the blocks of marks up to U+2BFF have classes.
 */
const unknownNoun = /[\p{L}\p{N}!-¿\u2000-\u2bff]/u;

/** The part of a lindera token that is used. */
interface LinderaToken {
  surface: string;
  /** "UNK" where the dictionary does not have the word. */
  partOfSpeech: string;
}

async function loadAnalyser(): Promise<Tools['tokens']> {
  const { TokenizerBuilder } = (await import('lindera-wasm-nodejs-ipadic')).default;
  const builder = new TokenizerBuilder();
  builder.setDictionary('embedded://ipadic');
  builder.setMode('normal');
  const analyser = builder.build();
  const words = (text: string): Token[] =>
    (analyser.tokenize(text) as LinderaToken[]).map(({ surface, partOfSpeech }) => ({
      surface,
      noun: partOfSpeech === '名詞' || (partOfSpeech === 'UNK' && unknownNoun.test(surface)),
    }));
  // Lindera cuts the first word after an ideographic space differently (　停車場 → 停車 | 場), so white space is cut out first.
  return (text) =>
    text
      .split(/(\s)/u)
      .filter((part) => part !== '')
      .flatMap((part) => (/^\s$/u.test(part) ? [{ surface: part, noun: false }] : words(part)));
}

async function loadIdentifier(): Promise<Pick<Tools, 'language' | 'languages'>> {
  const { eld } = await import('eld/small');
  return {
    language: (text) => eld.detect(text).language || undefined,
    languages: Object.values(eld.info().Languages),
  };
}

/** @throws UserError when the packages are not installed */
export const loadTools = (): Promise<Tools> =>
  loadOptional(mIfEvalPackages, async () => ({ tokens: await loadAnalyser(), ...(await loadIdentifier()) }));

/** Tells languages apart, by ISO 639-1. @throws UserError when the package is not installed */
export const loadLanguages = (): Promise<Pick<Tools, 'language' | 'languages'>> =>
  loadOptional(
    { code: 'no-language-package', purpose: 'languages are told apart with', versions: { eld: versions.eld } },
    loadIdentifier,
  );
