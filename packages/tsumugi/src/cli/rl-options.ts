// Options that the commands of `tsumugi rl` share.
import { modelOptions } from './model-options.ts';

export const rlOptions = {
  agent: { type: 'string', value: 'DIR', required: true, help: 'folder of a trained agent (model or best of a run)' },
  seed: { type: 'integer', min: 0, default: 0, help: 'of the environment, and of what the agent draws' },
  deterministic: { type: 'boolean', help: 'take the likeliest action of a policy that would draw one' },
  device: modelOptions.device,
  modules: { type: 'list', value: 'FILE', help: 'files that register environments, agents and wrappers of your own' },
  json: { type: 'boolean', help: 'print the result as JSON' },
} as const;
