// Ranks train together only with the same settings and inputs. With others each would train a model of its own, and nothing would tell:
// their gradients have the same shape.
import { ConfigError } from '../base/index.ts';
import { gatherJson, type Mesh, rankName } from '../mesh/index.ts';
import { asJson, describeChanges, placesIn, type RunInputs, withoutPlaces } from '../run/index.ts';

/**
 * Every rank calls this, before anything is written. Paths may differ from machine to machine; what lies there may not.
 *
 * @param kind of training
 * @throws ConfigError, the same on all ranks, naming the first rank that differs from rank 0, and in what
 */
export function requireAlike(mesh: Mesh, kind: string, settings: object, inputs: RunInputs): void {
  if (mesh.world === 1) return;
  const hashes = Object.fromEntries(Object.entries(inputs).map(([name, { sha256 }]) => [name, sha256.slice(0, 12)]));
  const own = { settings: withoutPlaces(asJson(settings), placesIn(inputs)), inputs: { kind, ...hashes } };
  const [first, ...others] = gatherJson(mesh, own);
  for (const [i, { settings, inputs }] of others.entries()) {
    const rank = i + 1;
    const differences = [...describeChanges(first!.inputs, inputs), ...describeChanges(first!.settings, settings)];
    if (differences.length === 0) continue;
    const other = `${rankName(mesh, rank)} has other settings or data than ${rankName(mesh, 0)}`;
    throw new ConfigError('ranks-differ', `${other}: ${differences.join(', ')}`, {
      remedy: 'Start all ranks with the same settings, and with the same files on every machine.',
      fields: { rank, differences },
    });
  }
}
