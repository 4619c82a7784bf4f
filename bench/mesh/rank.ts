// One of our ranks: answers requests, one JSON object per line, as the peer's do (bench/peer/ddp.py).
import { connect, createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { preset } from 'tsumugi/lm';
import { GradientBuckets, openMesh, ownPart, placeOf, solo } from 'tsumugi/mesh';
import { numParameters, parameters } from 'tsumugi/nn';
import { AdamW, clipScale, decayGroups, gradNorm } from 'tsumugi/optim';
import { backward, numThreads, scope, setThreads, tensor, zeros } from 'tsumugi/torch';
import { newModel, randomTokens } from '../lib/lm.ts';

const place = placeOf();
const mesh = place ? await openMesh(place) : solo;
setThreads(Number(process.env['BENCH_THREADS']));
const config = preset('bench');
const model = newModel(config);
const optimizer = new AdamW(decayGroups(model), { betas: [0.9, 0.95], weightDecay: 0.1 });
const all = parameters(model);
const buckets = mesh.world > 1 ? new GradientBuckets(mesh, all) : undefined;

/** Seconds of an all-reduce of `bytes`, the mean of `times`. */
function allReduce({ bytes, times }: { bytes: number; times: number }) {
  return scope(() => {
    const values = zeros([bytes / 4]);
    mesh.allReduce(values).wait();
    const began = performance.now();
    for (let i = 0; i < times; i++) mesh.allReduce(values).wait();
    return { seconds: (performance.now() - began) / 1e3 / times };
  });
}

/** A step on this rank's rows of a batch. */
function step({ rows, tokens }: { rows: number; tokens: number }) {
  const { from, to } = ownPart(mesh, rows);
  const batch = randomTokens(rows, tokens, config.vocab_size);
  const began = performance.now();
  optimizer.zeroGrad();
  buckets?.begin();
  const loss = scope(() => {
    const own = batch.tokens.narrow(0, from, to - from);
    const ids = own.narrow(1, 0, tokens).contiguous();
    const targets = own.narrow(1, 1, tokens).contiguous();
    const sum = model.loss({ ids, targets }, { reduction: 'sum' }).loss.div(rows * tokens);
    buckets?.beforeLast();
    backward(sum);
    const shown = tensor([sum.item()], { dtype: 'float64' });
    mesh.allReduce(shown).wait();
    return shown.item();
  });
  buckets?.finish();
  optimizer.step(1e-4, { gradScale: clipScale(gradNorm(all), 1) });
  const seconds = (performance.now() - began) / 1e3;
  batch.tokens.dispose();
  return { seconds, loss, reduceSeconds: buckets?.time.seconds ?? 0, waitSeconds: buckets?.time.waitedSeconds ?? 0 };
}

/** Sends and takes `bytes` at once, over a plain connection between rank 0 and rank 1: what the network gives. */
async function loopback({ bytes, host, port }: { bytes: number; host: string; port: number }) {
  const server = mesh.rank === 0 ? createServer() : undefined;
  const coming = server && new Promise<Socket>((resolve) => server.once('connection', resolve));
  if (server) await new Promise<void>((resolve) => server.listen(port, host, resolve));
  await mesh.barrier().settled();
  if (mesh.rank > 1) return { seconds: 0 };
  const socket = coming ? await coming : connect(port, host);
  const piece = Buffer.alloc(2 ** 20);
  const began = performance.now();
  let received = 0;
  const whole = new Promise<void>((resolve) =>
    socket.on('data', (data) => {
      received += data.length;
      if (received >= bytes) resolve();
    }),
  );
  for (let sent = 0; sent < bytes; sent += piece.length)
    if (!socket.write(piece)) await new Promise((resolve) => socket.once('drain', resolve));
  await whole;
  const seconds = (performance.now() - began) / 1e3;
  socket.end();
  server?.close();
  return { seconds };
}

const commands = { allReduce, step, loopback } as Record<string, (request: never) => object | Promise<object>>;
console.log(JSON.stringify({ parameters: numParameters(model), threads: numThreads() }));
for await (const line of createInterface(process.stdin)) {
  const { do: name, ...request } = JSON.parse(line);
  console.log(JSON.stringify(await commands[name]!(request as never)));
}
mesh[Symbol.dispose]();
