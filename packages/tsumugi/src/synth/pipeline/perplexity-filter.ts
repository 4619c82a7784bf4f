// Perplexity of a text by the pipeline's model: exp of the mean of −ln p over its tokens, from the beginning of text on.
import { ConfigError } from '../../base/index.ts';
import type { RollingAnswer } from '../../eval/index.ts';
import { drop, KEEP } from '../filters/filter.ts';
import type { Asker } from './asker.ts';
import { textOf } from './row.ts';
import type { RowFilter } from './row-filter.ts';

interface Bounds {
  readonly field: string;
  readonly min?: number | undefined;
  readonly max?: number | undefined;
}

/** Drops what the model finds too surprising, or too usual. @throws ConfigError without a bound */
export function perplexityJudge(
  { field, min = 0, max = Infinity }: Bounds,
  label: string,
  asker: () => Asker,
): RowFilter {
  if (min === 0 && max === Infinity)
    throw new ConfigError('bad-option', `${label}: neither "min" nor "max" is given`, {
      remedy: 'Give it one of them.',
    });
  const verdict = (perplexity: number) => {
    if (perplexity > max) return drop(`perplexity ${perplexity.toFixed(1)}, more than ${max}`);
    return perplexity < min ? drop(`perplexity ${perplexity.toFixed(1)}, less than ${min}`) : KEEP;
  };
  return {
    async judge(rows) {
      const outcomes = await asker().ask(
        rows.map((row) => ({
          step: label,
          source: row.source,
          request: () => ({ kind: 'rolling' as const, text: textOf(row, field, label) }),
          read(answer) {
            const { nats, tokens } = answer as RollingAnswer;
            const count = tokens.reduce((sum, each) => sum + each, 0);
            if (count === 0) return { code: 'empty-text', fault: 'an empty text has no perplexity' };
            return { value: Math.exp(nats.reduce((sum, each) => sum + each, 0) / count) };
          },
        })),
      );
      return outcomes.map((outcome) => {
        if (outcome.kind === 'waiting') return undefined;
        return outcome.kind === 'done' ? verdict(outcome.value) : drop(outcome.failure.message);
      });
    },
  };
}
