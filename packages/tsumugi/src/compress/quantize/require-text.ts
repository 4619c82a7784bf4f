// What is asked of the texts that quantization is given.
import { ConfigError } from '../../base/index.ts';
import type { QuantizeConfig } from './quantize-config.ts';

/** @throws ConfigError for a method, or a target, that needs a text and has none */
export function requireQuantizeText(
  { method, targetBits }: Pick<QuantizeConfig, 'method' | 'targetBits'>,
  texts: number,
): void {
  if (texts > 0 || (method === 'rtn' && targetBits === undefined)) return;
  const [what, why, otherwise] =
    method === 'rtn'
      ? ['targetBits', 'to measure what each matrix costs', 'leave targetBits out']
      : [method, 'to see what the weights are multiplied with', 'use rtn'];
  throw new ConfigError('no-text', `${what} needs a text ${why}`, {
    remedy: `Give some thousand characters of the kind that the model is for (--text), or ${otherwise}.`,
  });
}
