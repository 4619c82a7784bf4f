// The 33 instructions of M-IFEval-ja by the ids of its data.
import * as combination from './combination.ts';
import * as content from './content.ts';
import * as format from './format.ts';
import * as keywords from './keywords.ts';
import { responseLanguage } from './language.ts';
import * as length from './length.ts';
import * as letters from './letters.ts';
import * as punctuation from './punctuation.ts';
import * as startEnd from './start-end.ts';
import type { Verifier } from './verifier.ts';

export const verifiers: Readonly<Record<string, Verifier>> = {
  'ja:combination:repeat_prompt': combination.repeatPrompt,
  'ja:combination:two_responses': combination.twoResponses,
  'ja:detectable_content:number_placeholders': content.numberPlaceholders,
  'ja:detectable_content:postscript': content.postscript,
  'ja:detectable_format:constrained_response': format.constrainedResponse,
  'ja:detectable_format:json_format': format.jsonFormat,
  'ja:detectable_format:multiple_sections': format.multipleSections,
  'ja:detectable_format:nominal_ending': format.nominalEnding,
  'ja:detectable_format:number_bullet_lists': format.numberBulletLists,
  'ja:detectable_format:number_highlighted_sections': format.numberHighlightedSections,
  'ja:detectable_format:number_numbered_lists': format.numberNumberedLists,
  'ja:detectable_format:title': format.title,
  'ja:keywords:existence': keywords.existence,
  'ja:keywords:forbidden_words': keywords.forbiddenWords,
  'ja:keywords:frequency': keywords.frequency,
  'ja:keywords:letter_frequency': keywords.letterFrequency,
  'ja:language:response_language': responseLanguage,
  'ja:length_constraints:nth_paragraph_first_word': length.nthParagraphFirstWord,
  'ja:length_constraints:number_letters': length.numberLetters,
  'ja:length_constraints:number_paragraphs': length.numberParagraphs,
  'ja:length_constraints:number_sentences': length.numberSentences,
  'ja:letters:furigana': letters.furigana,
  'ja:letters:hiragana_only': letters.hiraganaOnly,
  'ja:letters:kanji': letters.kanjiLimit,
  'ja:letters:kansuuji': letters.kansuuji,
  'ja:letters:katakana_only': letters.katakanaOnly,
  'ja:letters:no_hiragana': letters.noHiragana,
  'ja:letters:no_katakana': letters.noKatakana,
  'ja:punctuation:no_comma': punctuation.noComma,
  'ja:punctuation:no_period': punctuation.noPeriod,
  'ja:startend:end_checker': startEnd.endChecker,
  'ja:startend:quotation': startEnd.quotation,
  'ja:startend:sentence_unified_end': startEnd.sentenceUnifiedEnd,
};
