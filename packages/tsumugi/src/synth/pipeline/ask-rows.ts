// A step of asking, over rows: each reply makes a row, or several, in the order of the rows.
import { sha256 } from '../../base/index.ts';
import type { GenerateAnswer, GenerateRequest } from '../../eval/index.ts';
import { canonicalJson } from '../../store/index.ts';
import type { AskStep } from './ask-step.ts';
import type { Asker } from './asker.ts';
import type { Failure } from './failure-log.ts';
import type { Question } from './question.ts';
import { readReply } from './reply.ts';
import { type SynthRow, textOf } from './row.ts';

export interface AskedRows {
  readonly rows: SynthRow[];
  readonly failures: Failure[];
  /** Replies that the budget had no room for. */
  readonly waiting: number;
}

interface Values {
  readonly values: readonly (string | number)[];
}

/** The first digits of a hash, as provenance has them. */
export const shortHash = (hash: string): string => hash.slice(0, 16);

/** Equal prompts get equal seeds, wherever they stand: rows that are put in before others change nothing for these. */
const seedOf = (seed: number, prompt: string, sample: number, attempt: number): number =>
  Number.parseInt(sha256(`${seed} ${prompt} ${sample} ${attempt}`).slice(0, 8), 16);

/** @param model its name and hash, for provenance */
export async function askRows(
  step: AskStep,
  rows: readonly SynthRow[],
  asker: Asker,
  { seed, model }: { seed: number; model: string },
): Promise<AskedRows> {
  const { samples, maxTokens, temperature, topP, stop } = step.config;
  const result: AskedRows & { waiting: number } = { rows: [], failures: [], waiting: 0 };
  const asked = rows.flatMap((row) => {
    const messages = step.messages((name) => textOf(row, name, step.label));
    // A model makes something up where it is asked nothing.
    if (messages.at(-1)!.content.trim() === '') {
      const fault = { code: 'empty-prompt', message: 'the prompt is empty' };
      result.failures.push({ id: '', step: step.label, source: row.source, ...fault });
      return [];
    }
    const prompt = sha256(canonicalJson(messages));
    return Array.from({ length: samples }, (_, sample) => {
      const request = (attempt: number): GenerateRequest => ({
        kind: 'generate',
        prompt: messages,
        maxTokens,
        stop,
        temperature,
        topP,
        seed: seedOf(seed, prompt, sample, attempt),
      });
      const question: Question<Values> = {
        step: step.label,
        source: row.source,
        request,
        read: (answer) => readAnswer(step, answer as GenerateAnswer),
      };
      return { row, prompt, question };
    });
  });
  const outcomes = await asker.ask(asked.map(({ question }) => question));
  for (const [i, outcome] of outcomes.entries()) {
    const { row, prompt } = asked[i]!;
    if (outcome.kind === 'waiting') result.waiting++;
    else if (outcome.kind === 'failed') result.failures.push({ ...outcome.failure, source: row.source });
    else {
      const { seed: used } = outcome.request as GenerateRequest;
      const trace = [...row.asked, { step: step.name, prompt: shortHash(prompt), model, seed: used }];
      for (const value of outcome.value.values)
        result.rows.push({ ...row, fields: { ...row.fields, [step.into]: value }, asked: trace });
    }
  }
  return result;
}

function readAnswer({ read, config }: AskStep, answer: GenerateAnswer): ReturnType<Question<Values>['read']> {
  const { text, finish, reason } = answer;
  if (finish === 'refused' || finish === 'filter')
    return {
      code: `reply-${finish}`,
      fault: `the service ${finish === 'filter' ? 'filtered' : 'refused'} it: ${reason ?? ''}`,
    };
  if (finish === 'length' && config.cut === 'fail')
    return { code: 'reply-cut', fault: `the reply reached maxTokens (${config.maxTokens}) and has no end` };
  if (!text.isWellFormed())
    return { code: 'broken-reply', fault: 'the reply holds half of a surrogate pair, which is no character' };
  const found = readReply(text, read, config);
  if ('values' in found) return { value: found };
  return { code: text.trim() === '' ? 'empty-reply' : 'unreadable-reply', fault: `the reply is ${found.fault}` };
}
