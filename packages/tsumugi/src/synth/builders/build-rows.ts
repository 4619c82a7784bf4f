// Questions → rows for training and rows held out, which have no group and no sentence in common.
import { hash } from 'node:crypto';
import { basename } from 'node:path';
import { ConfigError, checkNumber, checkOptions, checkSeed, deriveSeed, RandomStream } from '../../base/index.ts';
import { DigestSet, HELD_OUT_FRACTION, isHeldOut } from '../../text/index.ts';
import { normalized } from '../normalized.ts';
import type { Builder, BuilderContext, Question, RowKind } from './question.ts';

/** All defaults are our choice. */
export interface BuildOptions {
  /** Answers to learn (`answers`, for fine-tuning), or a better and a worse one (`pairs`, for preference training): `answers`. */
  rows?: RowKind | undefined;
  /** How it is asked: as people ask (`chat`), or as the evaluation task of the same kind does (`task`): `chat`. */
  form?: BuilderContext['form'] | undefined;
  /** Share of the groups that are held out: 0.05. With the seed it is the same documents as `data` holds out. */
  heldOutFraction?: number | undefined;
  /** Share of the questions that become rows, drawn: 1. */
  share?: number | undefined;
  /** 0. */
  seed?: number | undefined;
  /** Called after each thousand rows. */
  onProgress?: ((counts: BuildCounts) => void) | undefined;
}

export interface BuiltRow {
  readonly side: 'train' | 'heldOut';
  /** A row as `sft` or `dpo` reads it, with where it is from. */
  readonly row: Readonly<Record<string, unknown>>;
}

export interface BuildCounts {
  train: number;
  heldOut: number;
  /** Why → how many of what the builder looked at (sentences, rows, descriptions) became no row. */
  dropped: Map<string, number>;
}

const names = { rows: true, form: true, heldOutFraction: true, share: true, seed: true, onProgress: true } as const;

const digest = (text: string): Buffer => hash('sha256', normalized(text), 'buffer');

/**
 * The rows of a builder, as they come; the data are read twice when some are held out. The same data, options and seed give the
 * same rows. A group is held out by its content and the seed, whatever else there is; a row to learn from whose sentence is held
 * out in another group is dropped, and so is a question that was asked before. Keeps a digest of each question and held-out sentence.
 *
 * @param open reads the data from the first on
 */
export async function* buildRows<Input>(
  builder: Builder<Input>,
  open: () => AsyncIterable<Input>,
  options: BuildOptions = {},
  counts: BuildCounts = { train: 0, heldOut: 0, dropped: new Map() },
): AsyncGenerator<BuiltRow> {
  checkOptions('buildRows', options, names);
  const { rows = 'answers', form = 'chat', heldOutFraction = HELD_OUT_FRACTION, share = 1 } = options;
  const seed = checkSeed(options.seed ?? 0);
  checkNumber('buildRows', 'heldOutFraction', heldOutFraction, { min: 0, below: 1 });
  checkNumber('buildRows', 'share', share, { above: 0, max: 1 });
  checkBuilder(builder, rows, form);
  const context = { seed, form, isHeldOut: (group: string) => isHeldOut(group, seed, heldOutFraction) };
  const held = new DigestSet();
  if (heldOutFraction > 0)
    for await (const question of builder.build(open(), context))
      if (!('dropped' in question) && context.isHeldOut(question.group))
        for (const sentence of question.sentences) held.add(digest(sentence));

  const drop = (why: string) => void counts.dropped.set(why, (counts.dropped.get(why) ?? 0) + 1);
  const asked = new DigestSet();
  for await (const question of builder.build(open(), context)) {
    if ('dropped' in question) {
      drop(question.dropped);
      continue;
    }
    const side = context.isHeldOut(question.group) ? 'heldOut' : 'train';
    const words = JSON.stringify(question.asked);
    if (side === 'train' && question.sentences.some((each) => held.has(digest(each)))) drop('its sentence is held out');
    else if (rows === 'pairs' && question.worse.length === 0) drop('no worse answer to put against it');
    else if (share < 1 && new RandomStream(deriveSeed(seed, 'share', words)).next() >= share) drop('not drawn (share)');
    else if (!asked.add(digest(words))) drop('asked before');
    else {
      counts[side]++;
      if ((counts.train + counts.heldOut) % 1000 === 0) options.onProgress?.(counts);
      yield { side, row: rowOf(builder.name, question, rows) };
    }
  }
}

/** @throws ConfigError for rows or a form that a builder does not make */
export function checkBuilder(builder: Pick<Builder, 'name' | 'rows' | 'task'>, rows: RowKind, form: string): void {
  if (!builder.rows.includes(rows))
    throw new ConfigError('no-such-rows', `${builder.name} makes no ${rows}`, {
      remedy: `Ask for ${builder.rows.join(' or ')}.`,
      fields: { builder: builder.name, rows },
    });
  if (form === 'task' && !builder.task)
    throw new ConfigError('no-such-form', `${builder.name} has no form "task": no evaluation task asks the same`, {
      remedy: 'Leave the form out.',
      fields: { builder: builder.name, form },
    });
}

function rowOf(builder: string, { asked, answer, worse, group, source }: Question, rows: RowKind): BuiltRow['row'] {
  const from = {
    builder,
    source: { file: basename(source.file), row: source.row, ...(group.length <= 80 && { group }) },
  };
  if (typeof asked === 'string')
    return rows === 'answers'
      ? { prompt: asked, completion: answer, ...from }
      : { prompt: asked, chosen: answer, rejected: worse[0]!, ...from };
  const says = (content: string) => ({ role: 'assistant', content });
  return rows === 'answers'
    ? { messages: [...asked, says(answer)], ...from }
    : { prompt: asked, chosen: [says(answer)], rejected: [says(worse[0]!)], ...from };
}
