// By hand: rows that lie over ranks (sequence parallelism), each rank a process of one thread. What a rank holds of a row of 32,768 tokens
// beside one process with the whole row, and how long ranks wait for each other where keys and values of full attention cross a link.
//   node tests/long/rows-over-ranks.ts              (rows of 32,768 tokens in one process and over two ranks: minutes)
//   node tests/long/rows-over-ranks.ts 4096 4       (rows of 4,096, over four ranks, too)
//   node tests/long/rows-over-ranks.ts 8192 2 1gbit (and two hosts in network namespaces with such a link, as root)
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { initialWeights, Plamo2, type Plamo2Config, preset } from '../../packages/tsumugi/src/lm/index.ts';
import { Hosts } from '../../packages/tsumugi/src/mesh/hosts/hosts.testing.ts';
import { type Mesh, openMesh, placeOf, solo, type Work } from '../../packages/tsumugi/src/mesh/index.ts';
import { freePort } from '../../packages/tsumugi/src/mesh/launch/index.ts';
import {
  backward,
  dtypeBytes,
  memory,
  resetPeakMemory,
  scope,
  Tensor,
  tensor,
} from '../../packages/tsumugi/src/torch/index.ts';

interface Case {
  name: string;
  T: number;
  config: Partial<Plamo2Config>;
  activationCheckpointing: boolean;
  world: number;
  /** Of two hosts, as tc writes it. */
  rate?: string | undefined;
}

interface Measured {
  peakBytes: number;
  processBytes: number;
  seconds: number;
  cpuSeconds: number;
  waited: number;
  sentBytes: number;
  loss: number;
}

/** So many numbers that what is not activations is little beside them. */
const shape: Partial<Plamo2Config> = {
  hidden_size: 128,
  intermediate_size: 352,
  num_hidden_layers: 4,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  hidden_size_per_head: 32,
  mamba_num_heads: 4,
  mamba_d_state: 16,
  attention_window_size: 512,
  vocab_size: 512,
};
const full = { full_attention_idx: [1, 3] };

/** The mesh, which counts what it sends and how long it is waited for. */
function counting(mesh: Mesh, count: { waited: number; sentBytes: number }): Mesh {
  return new Proxy(mesh, {
    get(target, name) {
      const value = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        const tensors = args.filter((each) => each instanceof Tensor);
        const work = value.apply(target, args) as Work;
        if (name === 'send') count.sentBytes += tensors[0]!.numel() * dtypeBytes(tensors[0]!.dtype);
        if (name === 'allGather')
          count.sentBytes += (target.world - 1) * tensors[1]!.numel() * dtypeBytes(tensors[1]!.dtype);
        return {
          settled: () => work.settled(),
          wait() {
            const from = performance.now();
            work.wait();
            count.waited += (performance.now() - from) / 1000;
          },
        };
      };
    },
  });
}

/** A step of a rank, in this process. */
async function measure({ T, config, activationCheckpointing }: Case): Promise<Measured> {
  const place = placeOf();
  using mesh = place ? await openMesh(place) : solo;
  using model = new Plamo2(preset('mini', { ...shape, ...config }), initialWeights(0));
  const count = { waited: 0, sentBytes: 0 };
  const sequenceParallel = counting(mesh, count);
  const step = (tokens: number) =>
    scope(() => {
      const ids = tensor(
        Int32Array.from({ length: tokens }, (_, i) => (7919 * i) % 512),
        { shape: [1, tokens], dtype: 'int64' },
      );
      const { loss } = model.loss({ ids, targets: ids }, { activationCheckpointing, sequenceParallel });
      backward(loss);
      return loss.item();
    });
  step(64);
  mesh.barrier().wait();
  resetPeakMemory();
  const [before, from, cpu] = [memory().liveBytes, performance.now(), process.cpuUsage()];
  Object.assign(count, { waited: 0, sentBytes: 0 });
  const loss = step(T);
  const { user, system } = process.cpuUsage(cpu);
  return {
    peakBytes: memory().peakBytes - before,
    processBytes: 1024 * Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))![1]),
    seconds: (performance.now() - from) / 1000,
    cpuSeconds: (user + system) / 1e6,
    loss,
    ...count,
  };
}

/** The ranks of a case, each a process. */
async function run(each: Case): Promise<Measured[]> {
  const { world, rate } = each;
  using hosts = rate === undefined ? undefined : await Hosts.make(world, { rate });
  const args = [fileURLToPath(import.meta.url), 'case', JSON.stringify(each)];
  const port = await freePort();
  const ranks = Array.from({ length: world }, (_, rank) => {
    const address = hosts?.address(0) ?? '127.0.0.1';
    const where = { MASTER_ADDR: address, MASTER_PORT: String(port), RANK: String(rank), LOCAL_RANK: String(rank) };
    const env = { ...process.env, TSUMUGI_THREADS: '1', TSUMUGI_MESH_TIMEOUT: '600' };
    const options = {
      stdio: ['ignore', 'pipe', 'inherit'] as const,
      env: world === 1 ? env : { ...env, ...where, WORLD_SIZE: String(world) },
    };
    const child = hosts
      ? hosts.spawn(rank, process.execPath, args, { ...options, stdio: [...options.stdio] })
      : spawn(process.execPath, args, { ...options, stdio: [...options.stdio] });
    return new Promise<Measured>((resolve, reject) => {
      let text = '';
      child.stdout!.setEncoding('utf8').on('data', (more) => {
        text += more;
      });
      child.on('close', (code) =>
        code === 0 ? resolve(JSON.parse(text)) : reject(new Error(`rank ${rank}: ${code}`)),
      );
    });
  });
  return await Promise.all(ranks);
}

const [argument = '32768', second = '2', rate] = process.argv.slice(2);
if (argument === 'case') console.log(JSON.stringify(await measure(JSON.parse(second))));
else {
  const T = Number(argument);
  const kinds = [
    { name: 'window 512, kept', config: {}, activationCheckpointing: false },
    { name: 'window 512, recomputed', config: {}, activationCheckpointing: true },
    { name: 'full, recomputed', config: full, activationCheckpointing: true },
  ];
  const cases: Case[] = kinds.flatMap((kind) =>
    [1, 2, 4].filter((world) => world <= Number(second)).map((world) => ({ ...kind, T, world })),
  );
  if (rate) cases.push({ ...kinds[2]!, name: `full, recomputed, two hosts at ${rate}`, T, world: 2, rate });
  console.log(
    `1 × ${T} tokens: ranks, MB of tensors, MB of the process, MB sent, seconds, of these waited, CPU seconds; by rank`,
  );
  for (const each of cases) {
    const found = await run(each);
    const by = (value: (one: Measured) => number, digits = 0) =>
      found.map((one) => value(one).toFixed(digits)).join('/');
    const columns = [
      by(({ peakBytes }) => peakBytes / 1e6),
      by(({ processBytes }) => processBytes / 1e6),
      by(({ sentBytes }) => sentBytes / 1e6, 1),
      by(({ seconds }) => seconds, 1),
      by(({ waited }) => waited, 2),
      by(({ cpuSeconds }) => cpuSeconds, 1),
      `loss ${found.reduce((sum, { loss }) => sum + loss, 0).toFixed(6)}`,
    ];
    console.log(`${each.name.padEnd(44)}${each.world}   ${columns.join('   ')}`);
  }
}
