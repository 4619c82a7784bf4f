// Preference pairs out of a model's own answers: sample several to each prompt, score them, pair the better with the worse.
import { closeSync, openSync, writeSync } from 'node:fs';
import { basename, join } from 'node:path';
import {
  checkOptions,
  makeFolder,
  type OptionNames,
  StagedFolder,
  sha256,
  UserError,
  writingAt,
} from '../../base/index.ts';
import { endIds, loadModel, type Plamo2Config, readModelConfig } from '../../lm/index.ts';
import { formatInteger, Progress, type ProgressStream } from '../../run/index.ts';
import { Artefact, canonicalJson } from '../../store/index.ts';
import { templateHash, templateStopIds } from '../../text/index.ts';
import { parseDevice } from '../../torch/index.ts';
import { openChat } from '../../train/index.ts';
import type { ScoreItem } from '../scores/index.ts';
import { AnswerLog } from './answer-log.ts';
import { type AnswerContext, answerPrompts, promptsPerGroup } from './answer-prompts.ts';
import { type AnswerCounts, type FoundPair, PairGatherer, reasons } from './gather-pairs.ts';
import { openScorer, promptsOf } from './open-scorer.ts';
import { checkPairsSettings, type PairsConfig } from './pairs-config.ts';
import { promptsToAnswer } from './prompts-to-answer.ts';

export interface MakePairsOptions {
  /** For progress. Default: standard error. */
  stream?: ProgressStream | undefined;
  /** Ends it: what is answered is kept, and the next call goes on there. The signal's reason is thrown. */
  signal?: AbortSignal | undefined;
}

export interface PairsResult extends AnswerCounts {
  /** Has pairs.jsonl. */
  readonly folder: string;
  /** Rows that were left out, since their prompt was there before. */
  readonly repeated: number;
}

const optionNames: OptionNames<MakePairsOptions> = { stream: true, signal: true };

/**
 * Samples answers to the prompts, scores them, and writes pairs for preference training to `<out>/pairs/pairs.jsonl`; all answers with
 * their scores are in `<out>/answers.jsonl`. What was cut off, wherever, goes on with the next call, and ends with the same bytes.
 *
 * @throws ConfigError, DataError naming file and row before anything is sampled; UserError `no-pairs` when no prompt gives one
 */
export async function makePairs(config: PairsConfig, options: MakePairsOptions = {}): Promise<PairsResult> {
  checkOptions('makePairs', options, optionNames);
  checkPairsSettings(config, config.prompts.length > 0);
  const { stream = process.stderr, signal } = options;
  const device = parseDevice(config.device);
  const source = new Artefact(config.model);
  const modelConfig = readModelConfig(source);
  const files = await source.hashed();
  const { tokenizer, template } = openChat(config.model, config.template);
  const failures = new Map<ScoreItem, string>();
  await using opened = await openScorer(config, { onFailure: (item, why) => failures.set(item, why), signal });
  const { scorer } = opened;
  const asked = await promptsToAnswer(opened.prompts, { template, tokenizer, limit: config.limit });
  const { prompts } = asked;
  const { samples, maxTokens } = config;
  const say = (line: string) => void stream.write(`  ${line}\n`);
  say(
    `${formatInteger(prompts.length)} prompts${asked.repeated > 0 ? ` (${formatInteger(asked.repeated)} rows repeat one)` : ''}: ` +
      `${formatInteger(asked.tokens)} tokens to read, at most ${formatInteger(prompts.length * samples * maxTokens)} to write, scored by ${scorer.name}`,
  );

  makeFolder(config.out);
  const origin = { model: files.hash, scorer: scorer.hash };
  const {
    out: _out,
    model: _model,
    prompts: _prompts,
    template: _template,
    pairsPerPrompt: _most,
    ...settings
  } = config;
  const heading = sha256(
    canonicalJson({ version: 1, ...origin, template: templateHash(template), prompts: asked.sha256, settings }),
  );
  const group = promptsPerGroup(config);
  using log = new AnswerLog(join(config.out, 'answers.jsonl'), heading, { group, prompts: prompts.length });
  if (log.done < prompts.length) {
    using progress = new Progress({ label: 'answers', total: prompts.length, start: log.done, stream });
    using model = loadModel(config.model, { dtype: config.dtype, device });
    files.requireUnchanged();
    const stopIds = [...endIds(tokenizer, modelConfig), ...templateStopIds(template, tokenizer)];
    const onGroup = (step: number) => progress.update({ step });
    const context: AnswerContext = { config, tokenizer, scorer, failures, stopIds, signal, onGroup };
    await answerPrompts(model, prompts, log, context);
  }

  const { pairsPerPrompt, seed } = config;
  const gatherer = new PairGatherer({ template, tokenizer, scorer, pairsPerPrompt });
  using staged = new StagedFolder(join(config.out, 'pairs'), () => true);
  const file = join(staged.path, 'pairs.jsonl');
  const descriptor = writingAt(file, () => openSync(file, 'w'));
  try {
    for await (const answered of log.read())
      for (const pair of gatherer.add(prompts[answered.prompt]!, answered))
        writingAt(file, () =>
          writeSync(descriptor, `${JSON.stringify(rowOf(pair, { ...origin, seed, by: config.score }))}\n`),
        );
  } finally {
    closeSync(descriptor);
  }
  const { counts } = gatherer;
  requirePairs(counts);
  staged.commit();
  return { ...counts, folder: staged.place, repeated: asked.repeated };
}

export interface PairsPlan {
  readonly modelConfig: Plamo2Config;
  readonly prompts: number;
  /** Tokens of the prompts, and of all answers at most. */
  readonly read: number;
  readonly write: number;
}

/** What `makePairs` would be asked: no model is loaded, no judge asked, nothing written. @throws as `makePairs` for settings and data */
export async function planPairs(config: PairsConfig): Promise<PairsPlan> {
  checkPairsSettings(config, config.prompts.length > 0);
  const modelConfig = readModelConfig(new Artefact(config.model));
  const { prompts, tokens } = await promptsToAnswer(await promptsOf(config), {
    ...openChat(config.model, config.template),
    limit: config.limit,
  });
  const { samples, maxTokens } = config;
  return { modelConfig, prompts: prompts.length, read: tokens, write: prompts.length * samples * maxTokens };
}

/** A row as preference training takes it, and where it is from. */
function rowOf({ prompt: asked, places, answers }: FoundPair, origin: Readonly<Record<string, unknown>>): object {
  const { prompt, source, sha256 } = asked;
  const [chosen, rejected] = answers.map(({ text }) =>
    typeof prompt === 'string' ? text : [{ role: 'assistant', content: text }],
  );
  const tools = typeof prompt === 'string' ? undefined : prompt.tools;
  return {
    prompt: typeof prompt === 'string' ? prompt : prompt.messages,
    ...(tools && { tools }),
    chosen,
    rejected,
    scores: answers.map(({ score }) => score),
    // By its name alone: the same prompts in another folder give the same bytes.
    provenance: { ...origin, prompt: sha256, answers: places, file: basename(source.file), row: source.row },
  };
}

function requirePairs({ prompts, pairs, withoutPair }: AnswerCounts): void {
  if (pairs > 0) return;
  const why = Object.entries(withoutPair)
    .filter(([, n]) => n > 0)
    .map(([name, n]) => `${reasons[name as keyof typeof reasons]} (${formatInteger(n)})`);
  throw new UserError('no-pairs', `none of ${formatInteger(prompts)} prompts gives a pair: ${why.join('; ')}`, {
    remedy: 'Sample more answers, or warmer; give longer maxTokens where they were cut off; or other prompts.',
    fields: { prompts, withoutPair },
  });
}
