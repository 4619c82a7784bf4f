// Which of several processes this is: what torchrun, Slurm scripts, Kubernetes' training operator and `tsumugi launch` set.
import { ConfigError } from '../base/index.ts';

/** The place of a process among those that train together. */
export interface Place {
  /** From 0. */
  rank: number;
  world: number;
  /** Processes of its machine; 1 where nothing says. */
  localWorld: number;
  /** Where rank 0 can be reached. */
  host: string;
  port: number;
  /** The network interface to use; the one that leads to rank 0 when left out. */
  networkInterface?: string | undefined;
  /** No collective waits longer for the others. */
  timeoutSeconds: number;
}

export const DEFAULT_TIMEOUT_SECONDS = 600;

const remedy =
  'Start the processes with `tsumugi launch`, torchrun, or what else sets RANK, LOCAL_RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT.';

const refuse = (name: string, problem: string): ConfigError =>
  new ConfigError('bad-environment', `${name} ${problem}`, { remedy, fields: { variable: name } });

type Environment = Readonly<Record<string, string | undefined>>;

function whole(env: Environment, name: string, { min, max }: { min: number; max: number }, fallback?: number): number {
  const text = env[name];
  if (text === undefined || text === '') {
    if (fallback !== undefined) return fallback;
    throw refuse(name, `is not set, although WORLD_SIZE is ${env['WORLD_SIZE']}`);
  }
  const value = Number(text);
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw refuse(name, `should be a whole number from ${min} to ${max}, it is "${text}"`);
}

/**
 * The place that the environment gives this process; undefined when it is alone: WORLD_SIZE is 1, empty or not set.
 *
 * @throws ConfigError naming the variable that is missing or wrong
 */
export function placeOf(env: Environment = process.env): Place | undefined {
  const world = whole(env, 'WORLD_SIZE', { min: 1, max: 100_000 }, 1);
  if (world === 1) return undefined;
  if (env['TORCHELASTIC_USE_AGENT_STORE'] === 'True')
    throw new ConfigError('agent-store', 'torchrun keeps MASTER_PORT for itself, so that rank 0 cannot listen there', {
      remedy: 'Set TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1, and start torchrun with --standalone or --rdzv-backend c10d.',
      fields: { variable: 'TORCHELASTIC_USE_AGENT_STORE' },
    });
  const rank = whole(env, 'RANK', { min: 0, max: world - 1 });
  const host = env['MASTER_ADDR'];
  if (!host) throw refuse('MASTER_ADDR', `is not set, although WORLD_SIZE is ${world}`);
  return {
    rank,
    world,
    localWorld: whole(env, 'LOCAL_WORLD_SIZE', { min: 1, max: world }, 1),
    host,
    port: whole(env, 'MASTER_PORT', { min: 1, max: 65_535 }),
    networkInterface: env['GLOO_SOCKET_IFNAME'] || undefined,
    timeoutSeconds: whole(env, 'TSUMUGI_MESH_TIMEOUT', { min: 1, max: 1_000_000 }, DEFAULT_TIMEOUT_SECONDS),
  };
}
