// `tsumugi synth`: makes examples to learn from. Each way of making them is a row of the table, with a file of its own
// (`synth-NAME.ts`, whose `run` is from `defineCommand`). Without a subcommand, as in `tsumugi synth --config …`, a pipeline is run.
import { defineGroup, type Run } from './command.ts';
import { run as build } from './synth-build.ts';
import { run as clean } from './synth-clean.ts';
import { run as pairs } from './synth-pairs.ts';
import { run as pipeline } from './synth-run.ts';
import { run as steps } from './synth-steps.ts';

const group = defineGroup('tsumugi synth', 'make examples to learn from', {
  run: { summary: 'run a pipeline: a model is asked, its replies are filtered ("run" may be left out)', run: pipeline },
  build: { summary: 'rows to learn from out of data, without a model: cloze, readings, translations, …', run: build },
  clean: { summary: 'a corpus larger than memory without near-duplicates and what filters drop', run: clean },
  pairs: { summary: "preference pairs out of a model's own answers, scored by a rule or a judge", run: pairs },
  steps: { summary: 'the steps that are there, with their prompts, and the filters', run: steps },
});

export const run: Run = (args, io) => {
  const [first] = args;
  const isOption = first?.startsWith('-') === true && first !== '--help' && first !== '-h';
  return isOption ? pipeline(args, io) : group(args, io);
};
