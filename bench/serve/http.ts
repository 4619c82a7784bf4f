// What HTTP costs: the same requests to the engine alone, in its thread's place here, and through a server, in turn.
import { Engine } from 'tsumugi/lm';
import type { Context } from '../lib/part.ts';
import { row } from '../lib/row.ts';
import { interleave } from '../lib/sampling.ts';
import { Served } from '../lib/served.ts';
import { median } from '../lib/statistics.ts';
import { type Seen, type Write, workOff } from './clients.ts';
import { engineWrite } from './engine.ts';
import type { Subject } from './subject.ts';
import { conversation, drawRequests, shortConversation } from './workload.ts';

/** Of the engine's rate, what is left through HTTP. */
const wanted = 0.97;

/** Streams answers from a server. A piece of text counts as a token. */
const httpWrite =
  (url: string): Write =>
  async (_client, { prompt, answerTokens }, onToken) => {
    const response = await fetch(`${url}/v1/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        ...{ model: 'm', prompt, max_tokens: answerTokens, temperature: 0, ignore_eos: true, stream: true },
        stream_options: { include_usage: true },
      }),
    });
    if (response.status !== 200) throw new Error(`the server answers ${response.status}: ${await response.text()}`);
    let last = '';
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      onToken();
      last = (last + chunk).slice(-2000);
    }
    if (!last.includes(`"completion_tokens":${answerTokens}`))
      throw new Error(`the server wrote another number of tokens than ${answerTokens}: ${last}`);
  };

/** Returns what a reader must know of the rows. */
export async function http(context: Context, { model, folder, config }: Subject): Promise<string[]> {
  const { quick, rows, log } = context;
  const clients = quick ? 4 : 16;
  const requests = drawRequests(quick ? shortConversation : conversation, 4 * clients, config.vocab_size, 77);
  using engine = new Engine(model, { slots: clients });
  await using served = await Served.start(folder, ['--port', '0', '--slots', String(clients)]);
  const seen: Seen[] = [];
  const tokens = requests.reduce((sum, { answerTokens }) => sum + answerTokens, 0);
  /** Milliseconds of the processor for a token, each round. */
  const spent: { alone: number[]; through: number[] } = { alone: [], through: [] };
  const sampler = (side: keyof typeof spent, write: Write, processor: () => number) => async () => {
    const before = processor();
    const sample = await workOff(write, requests, clients);
    spent[side].push((1e3 * (processor() - before)) / tokens);
    if (side === 'through') seen.push(sample);
    log(
      `${clients} clients, ${side === 'alone' ? 'the engine' : 'HTTP'}: ${sample.tokensPerSecond.toFixed(0)} tokens/s`,
    );
    return sample.tokensPerSecond;
  };
  const own = () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  };
  const { alone, through } = await interleave(quick ? 1 : 3, {
    alone: sampler('alone', engineWrite(engine), own),
    through: sampler('through', httpWrite(served.url), () => served.cpuSeconds),
  });
  rows.push(
    row({ name: `${clients} clients, the engine alone`, unit: 'tokens/s', better: 'higher', ours: alone }),
    row({
      name: '    through HTTP',
      unit: 'tokens/s',
      better: 'higher',
      ours: through,
      peak: { of: 'engine', value: median(alone) },
      goal: { of: 'share', bound: wanted },
    }),
    row({
      name: '    processor of the server',
      unit: 'ms/token',
      better: 'lower',
      ours: spent.through.slice(1),
      peak: { of: 'engine', value: median(spent.alone.slice(1)) },
    }),
    row({
      name: '    through HTTP: time to first piece, p50',
      unit: 'ms',
      better: 'lower',
      ours: seen.slice(1).map(({ first }) => first.p50),
    }),
  );
  return [
    'HTTP: the same requests each round, so prompts come from the prefix cache after the first on both sides; streams of `tsumugi serve` in a process of its own; its HTTP thread and the client here take their time of the processor beside the engine, so the share says what HTTP costs only where a core is left over',
  ];
}
