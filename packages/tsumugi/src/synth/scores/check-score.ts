// Which settings go with which score, in one place for whatever lets answers be scored.
import { ConfigError } from '../../base/index.ts';

/** The scores that a setting belongs to. */
const belongs = {
  field: ['exact', 'number', 'judge'],
  task: ['task'],
  judgeModel: ['judge'],
  judgeEndpoint: ['judge'],
  judgeApiKeyEnv: ['judge'],
  rewardModel: ['reward'],
} as const satisfies Record<string, readonly string[]>;

/** What a score cannot do without. */
const needed: Readonly<Record<string, ScoreSetting>> = { task: 'task', judge: 'judgeModel', reward: 'rewardModel' };

type ScoreSetting = keyof typeof belongs;

/**
 * @param scores that can be chosen
 * @throws ConfigError for a setting that is missing, or has no effect with another score
 */
export function checkScore(
  config: { readonly score: string } & { readonly [setting in ScoreSetting]?: unknown },
  scores: readonly string[],
): void {
  const { score } = config;
  for (const [name, own] of Object.entries(belongs) as [ScoreSetting, readonly string[]][])
    if (config[name] !== undefined && !own.includes(score))
      throw new ConfigError('no-effect', `${name} has no effect with score=${score}`, {
        remedy: `Leave it out, or set score to ${own.filter((each) => scores.includes(each)).join(' or ')}.`,
        fields: { setting: name, score },
      });
  const missing = needed[score];
  if (missing === undefined || config[missing] !== undefined) return;
  throw new ConfigError('missing-setting', `score=${score} needs ${missing}`, {
    remedy: `Set ${missing}.`,
    fields: { setting: missing, score },
  });
}
