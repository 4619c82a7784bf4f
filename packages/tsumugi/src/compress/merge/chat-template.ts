// The chat template of the result: mergekit's `chat_template`.
import { ConfigError } from '../../base/index.ts';
import type { JsonObject } from '../../store/index.ts';
import { builtInTemplate, TEMPLATES } from '../../text/index.ts';

/**
 * @param asked `auto` for the one that most of the models have, a name, or a template in Jinja
 * @param models the tokenizer_config.json of each
 */
export function chatTemplate(
  asked: string,
  models: readonly (JsonObject | undefined)[],
  where: string,
): string | undefined {
  if (asked === 'auto') return mostFrequent(models);
  const named = builtInTemplate(asked);
  if (named) return named.source;
  if (/\{[{%]/.test(asked)) return asked;
  throw new ConfigError('unknown-template', `${where}: there is no chat template "${asked}"`, {
    remedy: `Write auto, ${TEMPLATES.join(', ')}, or a template in Jinja.`,
    fields: { template: asked },
  });
}

/** Of equally many, the first. */
function mostFrequent(models: readonly (JsonObject | undefined)[]): string | undefined {
  const counts = new Map<string, number>();
  for (const model of models) {
    const template = model?.['chat_template'];
    if (typeof template === 'string') counts.set(template, (counts.get(template) ?? 0) + 1);
  }
  return [...counts].reduce<[string, number] | undefined>(
    (best, each) => (best && best[1] >= each[1] ? best : each),
    undefined,
  )?.[0];
}
