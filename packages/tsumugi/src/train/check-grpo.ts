// Settings of GRPO that do not go together.
import { ConfigError } from '../base/index.ts';
import { requireIdle } from './check-settings.ts';
import { checkTuningSettings } from './check-tuning.ts';
import type { GrpoConfig } from './grpo-config.ts';

/** @throws ConfigError naming a setting that would have no effect, or would make what is trained another model than what samples */
export function checkGrpoSettings(config: Omit<GrpoConfig, 'model' | 'data' | 'out'>): void {
  checkTuningSettings(config);
  if (config.loraDropout)
    requireIdle('loraDropout', config.loraDropout, 'here: answers are sampled without, and must be learned as sampled');
  const { maxTokens, sequenceLength } = config;
  if (maxTokens < sequenceLength) return;
  throw new ConfigError(
    'no-room',
    `an answer of ${maxTokens} tokens (maxTokens) leaves no room for a prompt in a row of ${sequenceLength} (sequenceLength)`,
    { remedy: 'Set sequenceLength to what prompt and answer have together.', fields: { maxTokens, sequenceLength } },
  );
}
