// The `tsumugi` command: finds the command, loads its file only then, and turns errors into one sentence and an exit code.
import {
  ConfigError,
  honourNohup,
  nearest,
  ownPackage,
  signalExitCode,
  steady,
  UserError,
  whyNotWritten,
} from '../base/index.ts';
import type { Run } from './command.ts';
import { reportError, reportStrays } from './failures.ts';
import { type Io, processIo, write } from './io.ts';
import { formatRows } from './options.ts';

interface Command {
  summary: string;
  load: () => Promise<{ run: Run }>;
}

/** In the order in which a newcomer meets them. */
const commands: Readonly<Record<string, Command>> = {
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

function help(): string {
  const rows = Object.entries(commands).map(([name, { summary }]) => [name, summary] as const);
  return `tsumugi ${ownPackage().version} — spin Japanese language models

Usage: tsumugi <command> [options]      (tsumugi <command> --help: its options)

${formatRows(rows)}
${formatRows([
  ['--version', 'show the version'],
  ['--debug', 'show the stack of an error'],
])}`;
}

/** Results that could not be written to standard output. */
function outputLost(cause: unknown): unknown {
  const reason = whyNotWritten(cause);
  if (reason === undefined) return cause;
  return new UserError('cannot-write', `the results cannot be written to standard output: ${reason}`, {
    remedy: 'Send them to another place, and run the command again.',
    cause,
  });
}

function unknownCommand(name: string): ConfigError {
  const near = nearest(name, Object.keys(commands));
  const remedy = near ? `Did you mean "tsumugi ${near}"?` : `Commands: ${Object.keys(commands).join(', ')}.`;
  return new ConfigError('unknown-command', `tsumugi has no command "${name}"`, { remedy, fields: { command: name } });
}

/** Runs the command line (without `node` and the script) and returns the exit code. Never throws. */
export async function main(argv: readonly string[], io: Io = processIo): Promise<number> {
  const debug = argv.includes('--debug');
  const [name, ...args] = argv.filter((argument) => argument !== '--debug');
  honourNohup();
  steady(io.stderr);
  if (io === processIo) reportStrays(io.stderr, debug);
  // The reader of our output has gone (`… | head`, a closed terminal): there is nobody to tell.
  let lost: Error | undefined;
  const leave = (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE' || error.code === 'EIO') process.exit(signalExitCode());
    lost = error;
  };
  io.stdout.on('error', leave);
  try {
    if (name === 'help' && args[0] !== undefined) return await main([args[0], '--help'], io);
    if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
      await write(name === undefined ? io.stderr : io.stdout, help());
      return name === undefined ? 2 : 0;
    }
    if (name === '--version' || name === '-v') {
      await write(io.stdout, `${ownPackage().version}\n`);
      return 0;
    }
    const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
    if (!command) throw unknownCommand(name);
    const { run } = await command.load();
    const code = await run(args, io);
    // When results cannot be written (a full disk), the stream says so a moment later.
    await new Promise<void>((resolve) => setImmediate(resolve));
    if (lost) throw lost;
    return code;
  } catch (error) {
    return reportError(error === lost ? outputLost(error) : error, io.stderr, debug);
  } finally {
    io.stdout.off('error', leave);
  }
}
