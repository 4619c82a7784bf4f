// The commands there are. The file of one is loaded when it is called.
import { ConfigError, nearest } from '../base/index.ts';
import type { Run } from './command.ts';

export interface Command {
  summary: string;
  load: () => Promise<{ run: Run }>;
}

/** In the order in which a newcomer meets them. */
export const commands: Readonly<Record<string, Command>> = {
  doctor: { summary: 'check this machine: libtorch, threads, speed, CUDA', load: () => import('./doctor.ts') },
  setup: { summary: 'find or install libtorch, and build the addon', load: () => import('./setup.ts') },
  demo: { summary: 'train a small Japanese model and talk to it', load: () => import('./demo.ts') },
  run: { summary: 'run a recipe: make what is missing or changed, and report', load: () => import('./run.ts') },
  report: { summary: 'what a run came to: metrics, curves, settings', load: () => import('./report.ts') },
  compare: {
    summary: 'runs beside each other: settings that differ, curves, metrics',
    load: () => import('./compare.ts'),
  },
  pull: { summary: 'fetch a model of the Hugging Face Hub', load: () => import('./pull.ts') },
  tokenizer: { summary: 'train a tokenizer, encode and decode with one', load: () => import('./tokenizer.ts') },
  data: { summary: 'turn text into token shards to train on', load: () => import('./data.ts') },
  pretrain: { summary: 'train a model from the beginning', load: () => import('./pretrain.ts') },
  extend: { summary: 'extend a model to long contexts', load: () => import('./extend.ts') },
  grow: { summary: 'make a larger model of a smaller one', load: () => import('./grow.ts') },
  prune: { summary: 'make a smaller model of a larger one', load: () => import('./prune.ts') },
  distill: { summary: 'train a model towards a larger one', load: () => import('./distill.ts') },
  synth: { summary: 'make examples to learn from: ask a model, filter', load: () => import('./synth.ts') },
  sft: { summary: 'teach a model to answer, from examples', load: () => import('./sft.ts') },
  dpo: {
    summary: 'teach a model which answers are better: DPO, H-DPO, KTO and others',
    load: () => import('./dpo.ts'),
  },
  reward: {
    summary: 'make a reward model, which gives answers a number, from pairs',
    load: () => import('./reward.ts'),
  },
  grpo: {
    summary: 'teach a model by rewards of its own answers',
    load: () => import('./grpo.ts'),
  },
  launch: {
    summary: 'start a training as several processes, on one machine or more',
    load: () => import('./launch.ts'),
  },
  forecast: {
    summary: 'what a training over many GPUs would take, on paper',
    load: () => import('./forecast.ts'),
  },
  merge: { summary: 'join models of one shape into one', load: () => import('./merge.ts') },
  quantize: { summary: "keep a model's matrices in 4 or 8 bits", load: () => import('./quantize.ts') },
  generate: { summary: 'continue a text', load: () => import('./generate.ts') },
  chat: { summary: 'write a text together with a model', load: () => import('./chat.ts') },
  serve: { summary: 'an OpenAI-compatible server', load: () => import('./serve.ts') },
  export: { summary: 'write a model for other programs', load: () => import('./export.ts') },
  eval: { summary: 'measure a model: benchmarks, perplexity', load: () => import('./eval.ts') },
  gan: { summary: 'train GANs on images, draw with them, score them', load: () => import('./gan.ts') },
  rl: {
    summary: 'train agents by reinforcement, watch, measure and film them',
    load: () => import('./rl.ts'),
  },
  score: { summary: 'log-probabilities of given tokens', load: () => import('./score.ts') },
};

/** @throws ConfigError when there is no command of that name */
export function findCommand(name: string): Command {
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command) return command;
  const near = nearest(name, Object.keys(commands));
  const remedy = near ? `Did you mean "tsumugi ${near}"?` : `Commands: ${Object.keys(commands).join(', ')}.`;
  throw new ConfigError('unknown-command', `tsumugi has no command "${name}"`, { remedy, fields: { command: name } });
}
