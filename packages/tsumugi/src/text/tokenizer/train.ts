// Training a Unigram tokenizer with byte fallback: seed vocabulary → EM → prune what costs least → … → vocabulary.
// How the published tokenizer was trained is not known; this is the algorithm of Kudo (2018) without a pre-tokeniser.
// The same texts in the same order give the same pieces, bit for bit; there is no randomness in it.
import { ConfigError, checkOptions, DataError, type OptionNames } from '../../base/index.ts';
import { SPECIAL_NAMES } from './format.ts';
import { Substrings } from './substrings.ts';
import { TrainingText } from './training-text.ts';
import { isOneCharacter, UnigramModel } from './unigram.ts';
import { byteText, type Piece } from './vocabulary.ts';

export interface TrainTokenizerOptions {
  /** The number of pieces in the result, special pieces and byte tokens included. */
  vocabSize: number;
  /** CONTROL pieces after the five published ones. Default: two reserved ones, as the published file has at 5 and 6. */
  controls?: readonly string[];
  /** The longest piece, in UTF-16 code units. Default 16. */
  maxPieceLength?: number;
  onProgress?: (progress: TrainingProgress) => void;
}

const trainOptions: OptionNames<TrainTokenizerOptions> = {
  vocabSize: true,
  controls: true,
  maxPieceLength: true,
  onProgress: true,
};

export interface TrainingProgress {
  phase: 'reading' | 'counting' | 'fitting' | 'done';
  /** Of the whole training, 0 to 1. How long the texts are is not known while they are read: that phase stays at 0. */
  fraction: number;
  /** What happened, for a person. */
  note: string;
}

/**
 * Training begins with every character and, for each piece wanted, this many of the most frequent strings. More of them
 * (SentencePiece begins with up to a million) take longer and generalise worse: long strings that occur twice survive.
 */
const SEEDS_PER_PIECE = 3;
/**
 * ASCII characters of the text are always pieces, as in the published vocabulary. A byte token would be as short, but the
 * encoder goes any way round before it takes one.
 */
const ASCII = 128;
/** The share of the pieces that survives a round of pruning, and the EM steps before it. */
const SURVIVORS = 0.75;
const EM_STEPS = 2;
const FINAL_EM_STEPS = 4;

/**
 * Trains a tokenizer and returns its pieces in the order of their ids: UNKNOWN, CONTROL, the 256 byte tokens, then NORMAL
 * pieces by falling score. Scores are natural logarithms of probabilities.
 * @param texts documents; or a `TrainingText`, for those that come asynchronously
 * @throws DataError when there is no text, ConfigError when `vocabSize` is too small, or larger than the text supports
 */
export function trainTokenizer(texts: Iterable<string> | TrainingText, options: TrainTokenizerOptions): Piece[] {
  checkOptions('trainTokenizer', options, trainOptions);
  const { vocabSize, maxPieceLength = 16 } = options;
  const progress = options.onProgress ?? (() => {});
  const fixed = fixedPieces(options.controls ?? ['<|plamo:reserved:0x05|>', '<|plamo:reserved:0x06|>']);
  const smallest = fixed.length + ASCII;
  if (!(Number.isSafeInteger(vocabSize) && vocabSize >= smallest)) {
    throw new ConfigError('vocabulary-too-small', `a vocabulary of ${vocabSize} pieces is too small`, {
      remedy: `Choose at least ${smallest}: special pieces, 256 byte tokens and ASCII are always in it.`,
      fields: { vocabSize, smallest },
    });
  }
  const target = vocabSize - fixed.length;

  progress({ phase: 'reading', fraction: 0, note: 'reading text' });
  const text = texts instanceof TrainingText ? texts : gather(texts);
  const characters = text.characters();
  if (characters.length === 0) {
    throw new DataError('training-text-empty', 'there is no text to train a tokenizer on', {
      remedy: 'Check that the files are not empty and that the field name is right.',
    });
  }

  const share = text.keptShare < 1 ? ` in 1/${1 / text.keptShare} of the text` : '';
  progress({ phase: 'counting', fraction: 0.05, note: `${characters.length} different characters${share}` });
  const runs = text.runs();
  const taken = new Set(fixed.map((piece) => piece.text));
  const seeds = new Substrings(runs, maxPieceLength, 2)
    .mostFrequent(SEEDS_PER_PIECE * target)
    .filter((seed) => !taken.has(seed.text));
  if (characters.length + seeds.length < target) {
    const largest = fixed.length + characters.length + seeds.length;
    throw new ConfigError('vocabulary-too-large', `the text does not support a vocabulary of ${vocabSize} pieces`, {
      remedy: largest < smallest ? 'Give more text.' : `Choose at most ${largest}, or give more text.`,
      fields: { vocabSize, largest },
    });
  }

  let model = new UnigramModel(
    [...characters.map(([character]) => character), ...seeds.map((seed) => seed.text)],
    [],
    Float64Array.from([...characters.map(([, count]) => count), ...seeds.map((seed) => seed.count)]),
  );
  const rounds = Math.ceil(Math.log(target / model.texts.length) / Math.log(SURVIVORS));
  for (let round = 0; model.texts.length > target; round++) {
    progress({ phase: 'fitting', fraction: 0.3 + (0.6 * round) / rounds, note: `${model.texts.length} candidates` });
    const counts = model.improve(runs, EM_STEPS);
    model = prune(model, counts, Math.max(target, Math.floor(model.texts.length * SURVIVORS)));
  }
  progress({ phase: 'fitting', fraction: 0.9, note: `${target} pieces` });
  model.improve(runs, FINAL_EM_STEPS);
  const normal = model.texts
    .map((piece, k): Piece => ({ text: piece, score: model.score(k), type: 'NORMAL' }))
    .sort((a, b) => b.score - a.score || (a.text < b.text ? -1 : 1));
  progress({ phase: 'done', fraction: 1, note: `${vocabSize} pieces` });
  return [...fixed, ...normal];
}

/** The model of the `size` pieces without which most likelihood would be lost. Characters among the others get unknown. */
function prune(model: UnigramModel, counts: Float64Array, size: number): UnigramModel {
  const losses = model.losses(counts).map((loss, k) => (isAscii(model.texts[k]!) ? Number.POSITIVE_INFINITY : loss));
  const threshold = losses.toSorted()[losses.length - size]!;
  // Of pieces with exactly the loss at the border, the earlier ones stay.
  let atThreshold = size - losses.reduce((above, loss) => above + (loss > threshold ? 1 : 0), 0);
  const kept: number[] = [];
  const unknowns = model.unknowns.map((_, u) => model.texts.length + u);
  losses.forEach((loss, k) => {
    if (loss > threshold || (loss === threshold && atThreshold-- > 0)) kept.push(k);
    else if (isOneCharacter(model.texts[k]!)) unknowns.push(k);
  });
  const edges = [...model.texts, ...model.unknowns];
  return new UnigramModel(
    kept.map((k) => edges[k]!),
    unknowns.map((k) => edges[k]!),
    Float64Array.from([...kept, ...unknowns], (k) => counts[k]!),
  );
}

function gather(texts: Iterable<string>): TrainingText {
  const gathered = new TrainingText();
  for (const text of texts) gathered.add(text);
  return gathered;
}

function isAscii(character: string): boolean {
  return character.length === 1 && character.charCodeAt(0) < ASCII;
}

function fixedPieces(controls: readonly string[]): Piece[] {
  const { unk, bos, eos, pad, op } = SPECIAL_NAMES;
  return [
    { text: unk, score: 0, type: 'UNKNOWN' },
    ...[bos, eos, pad, op, ...controls].map((text): Piece => ({ text, score: 0, type: 'CONTROL' })),
    ...Array.from({ length: 256 }, (_, byte): Piece => ({ text: byteText(byte), score: 0, type: 'BYTE' })),
  ];
}
