// How well a model predicts text: bits per character, bits per byte, perplexity.
//
//   nats = Σ −ln p(token | BOS and the document's tokens before it), over the tokens of all documents; BOS and the end of the
//   text are not predicted
//   bits_per_character = nats / ln 2 / Unicode characters        bits_per_byte = nats / ln 2 / UTF-8 bytes
//   perplexity = exp(nats / tokens)                              comparable between models with one tokenizer only
//
// Metrics are ratios of sums over documents, so a long document weighs more; the bootstrap draws documents.
import { basename } from 'node:path';
import { ConfigError, DataError } from '../../base/index.ts';
import {
  cleanText,
  DOCUMENT_CHARACTERS,
  embeddedText,
  isHeldOut,
  type ReadOptions,
  readDocuments,
} from '../../text/index.ts';
import { rollingTask } from '../rolling-task.ts';
import type { RollingTask, SampleContext, SampleRecord } from '../task.ts';

/** As the recipe plamo2-mini (`tsumugi demo`) cuts the novels. */
const EMBEDDED_CHARACTERS = 8000;
const HELD_OUT = 'held-out';

interface Document {
  id: string;
  text: string;
}

async function read(
  paths: readonly string[],
  options: ReadOptions,
  keep: (text: string) => boolean,
): Promise<Document[]> {
  const documents: Document[] = [];
  for await (const document of readDocuments(paths, options)) {
    const text = cleanText(document.text);
    if (/\S/.test(text) && keep(text)) documents.push({ id: `${documents.length}:${basename(document.source)}`, text });
  }
  if (documents.length > 0) return documents;
  throw new DataError('empty-text', `there is no text to measure in ${paths.join(', ')}`, {
    remedy: 'Name files or folders with text in them, and the right --field for JSON lines and Parquet.',
  });
}

const total = (records: readonly SampleRecord[], metric: string) =>
  records.reduce((sum, { metrics }) => sum + metrics[metric]!, 0);

const aggregate = {
  bits_per_character: (records: readonly SampleRecord[]) =>
    total(records, 'nats') / Math.LN2 / total(records, 'characters'),
  bits_per_byte: (records: readonly SampleRecord[]) => total(records, 'nats') / Math.LN2 / total(records, 'bytes'),
  perplexity: (records: readonly SampleRecord[]) => Math.exp(total(records, 'nats') / total(records, 'tokens')),
  characters_per_token: (records: readonly SampleRecord[]) => total(records, 'characters') / total(records, 'tokens'),
};

/** @throws ConfigError for what is no seed */
function splitSeed(given: string | undefined, byDefault: number | undefined): number | undefined {
  if (given === undefined) return byDefault;
  const seed = Number(given);
  if (/^\d+$/.test(given) && seed < 2 ** 32) return seed;
  throw new ConfigError('bad-setting', `${HELD_OUT} should be a seed, a whole number from 0, not "${given}"`, {
    remedy: `Write for instance --set ${HELD_OUT}=0.`,
    fields: { option: HELD_OUT, value: given },
  });
}

/**
 * @param paths files and folders; default: of the two novels that come with tsumugi, what `tsumugi demo` with the same seed
 *   holds out
 */
export function textTask(paths?: readonly string[], options: ReadOptions = {}): RollingTask<Document> {
  const settings = { documentCharacters: paths ? DOCUMENT_CHARACTERS : EMBEDDED_CHARACTERS, ...options };
  const splitOf = ({ options: own = {}, seed }: SampleContext) => splitSeed(own[HELD_OUT], paths ? undefined : seed);
  return rollingTask<Document>({
    name: 'text',
    version: 1,
    summary: 'bits per character and perplexity of text (--text; default: held-out parts of two novels)',
    metric: 'bits_per_character',
    lowerIsBetter: true,
    options: {
      [HELD_OUT]: 'only documents that `tsumugi data prepare --seed N` holds out (default for the novels: --seed)',
    },
    // Nothing but the text is shown to the model.
    wording: '',
    async load(context) {
      const split = splitOf(context);
      const keep = (text: string) => split === undefined || isHeldOut(text, split);
      return { samples: await read(paths ?? embeddedText(), settings, keep) };
    },
    text: ({ text }) => text,
    score({ text }, answer) {
      const [nats, tokens] = [answer.nats[0]!, answer.tokens[0]!];
      const [characters, bytes] = [[...text].length, Buffer.byteLength(text)];
      return { nats, tokens, characters, bytes, bits_per_character: nats / Math.LN2 / characters };
    },
    aggregate,
    settings(context) {
      const split = splitOf(context);
      return {
        text: paths ? 'own' : '吾輩は猫である and 坊っちゃん',
        ...(split !== undefined && { heldOutWithSeed: split }),
        documentCharacters: String(settings.documentCharacters),
      };
    },
  });
}

export default textTask();
