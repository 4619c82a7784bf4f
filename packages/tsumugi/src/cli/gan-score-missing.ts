// The options that `tsumugi gan score` still needs, named all at once, with a command that would do.
import { ConfigError } from '../base/index.ts';
import { commandLine } from './command-line.ts';

export interface ScoreFlags {
  model: string;
  data: string;
  extractor: string | undefined;
  weights: string | undefined;
  protocol: string | undefined;
  real: number | undefined;
}

/** As many real images as most protocols take. */
const MOST = 10_000;

/**
 * @param folder images in the folder that `--data` names; undefined for a data set, which has the splits of the protocols
 * @param args the arguments as they were typed
 * @throws ConfigError naming every option that is missing
 */
export function requireComplete(
  { model, data, extractor, weights, protocol, real }: ScoreFlags,
  folder: { count: number; size: number } | undefined,
  args: readonly string[],
): void {
  const needsWeights = extractor !== undefined && extractor !== 'nsfwjs' && weights === undefined;
  const needsCounts = folder !== undefined && protocol === undefined && real === undefined;
  const count = String(Math.min(folder?.count ?? MOST, MOST));
  const missing: [flag: string, value: string][] = [];
  if (extractor === undefined) missing.push(['--extractor', 'nsfwjs']);
  if (needsWeights) missing.push(['--weights', 'PATH']);
  if (needsCounts) missing.push(['--real', count], ['--fake', count]);
  if (missing.length === 0) return;
  const train = ['--data', data, '--out', 'PATH', ...(folder ? ['--size', String(folder.size)] : [])];
  const classifier = commandLine('tsumugi gan classifier', train);
  const hints: string[] = [];
  if (extractor === undefined) hints.push('nsfwjs fetches its weights; see docs/gan-scores.md for the others');
  if (needsWeights && extractor === 'classifier') hints.push(`"${classifier}" trains one`);
  if (needsWeights && extractor !== 'classifier')
    hints.push('the weights are yours to bring, see docs/gan-scores.md; --extractor nsfwjs fetches its own');
  if (needsCounts) hints.push(`a folder has no split, and this one ${folder.count} images`);
  const names = missing.map(([flag]) => flag);
  const list = [names.slice(0, -1).join(', '), names.at(-1)].filter(Boolean).join(' and ');
  throw new ConfigError('missing-option', `scoring ${model} against ${data} needs ${list} as well`, {
    remedy: `For example: ${commandLine('tsumugi gan score', [...args, ...missing.flat()])} (${hints.join('; ')}).`,
    fields: { missing: names },
  });
}
