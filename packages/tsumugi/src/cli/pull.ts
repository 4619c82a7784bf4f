// `tsumugi pull`: a model of the Hugging Face Hub into the hub's cache.
import { formatBytes, formatDuration } from '../run/index.ts';
import { type PullPlan, planPull, pull } from '../store/index.ts';
import { defineCommand } from './command.ts';
import { PullDisplay } from './hub-folder.ts';
import { write } from './io.ts';
import { formatRows } from './options.ts';

export const run = defineCommand(
  {
    command: 'tsumugi pull',
    summary: 'fetch a model of the Hugging Face Hub',
    positionals: ['NAME[@REVISION]'],
    options: {
      printSizes: { type: 'boolean', help: 'print what would be fetched, with sizes, and stop' },
      tokenizer: { type: 'boolean', help: 'the tokenizer alone' },
      json: { type: 'boolean', help: 'print the result as JSON' },
    },
    details:
      'Prints the folder that holds the model: in the cache of the hub (HF_HUB_CACHE), which other tools share. What is there\n' +
      'is not fetched again, and what was cut off goes on. Only safetensors, JSON, tokenizer and text are fetched; code never is.\n' +
      'HF_TOKEN holds the token for gated and private models.',
  },
  async ({ printSizes, tokenizer, json }, io, [name]) => {
    using shown = new PullDisplay(io);
    const options = { need: tokenizer ? ('tokenizer' as const) : ('model' as const), ...shown.options };
    if (printSizes) {
      const plan = await planPull(name!, options);
      await write(io.stdout, json ? `${JSON.stringify(plan)}\n` : describe(plan));
      return;
    }
    const result = await pull(name!, options);
    shown[Symbol.dispose]();
    await write(io.stdout, json ? `${JSON.stringify(result)}\n` : `${result.folder}\n`);
    if (result.fetchedBytes === 0) io.stderr.write('nothing was to be fetched\n');
    else io.stderr.write(`fetched ${formatBytes(result.fetchedBytes)} in ${formatDuration(result.seconds)}\n`);
  },
);

function describe(plan: PullPlan): string {
  const { repo, revision, commit, licence, gated, files, leftOut, missingBytes, totalBytes, availableDiskBytes } = plan;
  const rows = files.map(({ path, bytes, cachedBytes }) => {
    const state =
      cachedBytes === bytes ? ', in the cache' : cachedBytes > 0 ? `, ${formatBytes(cachedBytes)} there` : '';
    return [path, `${formatBytes(bytes)}${state}`] as const;
  });
  return [
    `${repo} at ${revision === commit ? commit : `${revision}, commit ${commit}`}`,
    `licence ${licence ?? 'not said'}${gated ? ', gated: to be accepted on its page' : ''}`,
    formatRows(rows).trimEnd(),
    `${formatBytes(totalBytes)} in ${files.length} files; ${formatBytes(missingBytes)} to fetch, ${formatBytes(availableDiskBytes)} free`,
    ...(leftOut.length > 0 ? [`not fetched: ${leftOut.join(', ')}`] : []),
    '',
  ].join('\n');
}
