// Which weights are not trained, from what a person writes: "embedding", layers by number, patterns of paths.
import { ConfigError, nearest } from '../base/index.ts';
import { type Plamo2Config, tensorShapes } from '../lm/index.ts';
import type { TrainedPart } from './trained-part.ts';

const EMBEDDING = 'model.embed_tokens.weight';
const layerPrefix = 'model.layers.layers.';

/**
 * The paths that `patterns` name: `embedding`; `layers.3` and `layers.0-3`; a path of a weight or of what holds weights, in which `*` stands for
 * any characters.
 *
 * @throws ConfigError for a pattern that names nothing, and when nothing is left to train
 */
export function frozenPaths(config: Plamo2Config, patterns: readonly string[]): ReadonlySet<string> {
  const paths = [...tensorShapes(config).keys()];
  const frozen = new Set(patterns.flatMap((pattern) => matching(pattern, paths, config.num_hidden_layers)));
  if (frozen.size < paths.length) return frozen;
  throw new ConfigError('nothing-to-train', `freeze=${patterns.join(',')} leaves nothing to train`, {
    remedy: 'Freeze less.',
    fields: { freeze: patterns },
  });
}

/** What is trained beside what `freeze` names; undefined where that is nothing. @throws as `frozenPaths` */
export function partBeside(config: Plamo2Config, patterns: readonly string[]): TrainedPart | undefined {
  const frozen = frozenPaths(config, patterns);
  return frozen.size > 0 ? { isFrozen: (path) => frozen.has(path) } : undefined;
}

function matching(pattern: string, paths: readonly string[], layers: number): string[] {
  if (pattern === 'embedding') return [EMBEDDING];
  const range = /^layers\.(\d+)(?:-(\d+))?$/.exec(pattern);
  if (range) {
    const [from, to] = [Number(range[1]), Number(range[2] ?? range[1])];
    if (from > to || to >= layers) throw noSuchLayers(pattern, layers);
    return paths.filter((path) => {
      const layer = path.startsWith(layerPrefix) ? Number.parseInt(path.slice(layerPrefix.length), 10) : -1;
      return layer >= from && layer <= to;
    });
  }
  const shape = pattern
    .split('*')
    .map((part) => RegExp.escape(part))
    .join('.*');
  const expression = new RegExp(`^${shape}(\\..*)?$`);
  const found = paths.filter((path) => expression.test(path));
  if (found.length > 0) return found;
  const near = nearest(pattern, ['embedding', ...paths]);
  throw new ConfigError('no-such-weights', `freeze: no weight of the model is at "${pattern}"`, {
    remedy:
      near === undefined
        ? `Write embedding, layers.0-${layers - 1}, or a path such as *.mixer.* or ${paths.at(-1)}.`
        : `Did you mean "${near}"?`,
    fields: { pattern },
  });
}

const noSuchLayers = (pattern: string, layers: number) =>
  new ConfigError(
    'no-such-weights',
    `freeze: "${pattern}" names layers that are not there, only 0 to ${layers - 1} are`,
    {
      remedy: `Write layers.0-${layers - 1} at most.`,
      fields: { pattern, layers },
    },
  );
