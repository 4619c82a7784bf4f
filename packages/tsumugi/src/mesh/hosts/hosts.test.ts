// The hosts that tests of several machines use: that they are what they say.
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { requires } from '../../../../../tests/requires.testing.ts';
import { Hosts, hostsLack, wiresLack } from './hosts.testing.ts';

/** Runs JavaScript on a host. `line` gives its next line of output. */
function script(hosts: Hosts, host: number, code: string) {
  const child = hosts.spawn(host, process.execPath, ['-e', code], { stdio: ['pipe', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const lines = linesOf(child.stdout!);
  const line = async () => (await lines.next()).value as string;
  return { line, say: (text: string) => void child.stdin!.write(`${text}\n`) };
}

async function* linesOf(stream: Readable): AsyncGenerator<string> {
  let pending = '';
  for await (const bytes of stream) {
    const parts = (pending + bytes).split('\n');
    pending = parts.pop()!;
    yield* parts;
  }
}

/** Answers with what it gets, after its name. */
const echo = (name: string) =>
  `require('net').createServer((s) => s.on('data', (d) => s.write('${name} ' + d))).listen(1234, () => console.log('listening'))`;
/** Says what it is told to, and prints the answers. */
const caller = (address: string) =>
  `const s = require('net').connect(1234, '${address}'); process.stdin.pipe(s).pipe(process.stdout)`;

describe('hosts', requires(hostsLack === undefined, hostsLack ?? ''), () => {
  let hosts: Hosts;
  let others: Hosts;
  beforeAll(async () => {
    [hosts, others] = await Promise.all([Hosts.make(2, { rate: '100mbit' }), Hosts.make(2)]);
  });
  afterAll(() => {
    hosts?.[Symbol.dispose]();
    others?.[Symbol.dispose]();
  });

  it('have networks of their own, though the addresses are the same', async () => {
    for (const [name, each] of [
      ['a', hosts],
      ['b', others],
    ] as const) {
      const server = script(each, 0, echo(name));
      expect(await server.line()).toBe('listening');
      const client = script(each, 1, caller(each.address(0)));
      client.say('hello');
      expect(await client.line()).toBe(`${name} hello`);
    }
  });

  it('send no faster than their links carry', async () => {
    const bytes = 4_000_000;
    const server = script(
      hosts,
      0,
      `require('net').createServer((s) => {
        let got = 0; let begin = process.hrtime.bigint();
        s.on('data', (d) => (got += d.length) === ${bytes} && console.log(Number(process.hrtime.bigint() - begin) / 1e9));
      }).listen(1235, () => console.log('listening'))`,
    );
    await server.line();
    script(hosts, 1, `require('net').connect(1235, '${hosts.address(0)}').write(Buffer.alloc(${bytes}))`);
    const seconds = Number(await server.line());
    expect(seconds).toBeGreaterThan(((bytes - 128 * 1024) * 8) / 100e6);
  });

  it('hear nothing of each other while one is cut off', async () => {
    const server = script(others, 0, echo('b'));
    await server.line();
    const client = script(others, 1, caller(others.address(0)));
    client.say('before');
    expect(await client.line()).toBe('b before');
    others.cut(0);
    client.say('after');
    const answer = client.line();
    expect(await Promise.race([answer, sleep(300, 'silence')])).toBe('silence');
    others.mend(0);
    expect(await answer).toBe('b after');
  });
});

describe('links', requires(wiresLack === undefined, wiresLack ?? ''), () => {
  it('are slow and lose packets', async () => {
    using hosts = await Hosts.make(2, { delayMs: 50, lossPercent: 20 });
    const server = script(
      hosts,
      0,
      `let got = 0;
       const socket = require('dgram').createSocket('udp4').on('message', (m, from) => {
         if (m.toString() !== 'how many?') got++; else socket.send(String(got), from.port, from.address);
       }).bind(1234, () => console.log('listening'))`,
    );
    await server.line();
    const client = script(
      hosts,
      1,
      `const socket = require('dgram').createSocket('udp4').on('message', (m) => {
         console.log(Number(process.hrtime.bigint() - asked) / 1e6 + ' ' + m); process.exit(); });
       let asked;
       // A few at a time: all at once would not fit into the buffer of a receiver that is held up.
       let left = 50;
       const sending = setInterval(() => {
         for (let i = 0; i < 10; i++) socket.send('x', 1234, '${hosts.address(0)}');
         if (--left === 0) { clearInterval(sending); setTimeout(() => { ask(); setInterval(ask, 1000); }, 500); }
       }, 5);
       const ask = () => { asked = process.hrtime.bigint(); socket.send('how many?', 1234, '${hosts.address(0)}'); };
`,
    );
    const [milliseconds, got] = (await client.line()).split(' ').map(Number);
    expect(milliseconds).toBeGreaterThan(100);
    expect(got).toBeGreaterThan(320);
    expect(got).toBeLessThan(480);
  });

  it('go, with the hosts and what runs there, when the one who made them is killed', async () => {
    const file = fileURLToPath(new URL('holder.testing.ts', import.meta.url));
    const child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'inherit'] });
    onTestFinished(() => void child.kill('SIGKILL'));
    await linesOf(child.stdout).next();
    const made = childrenOf(child.pid!);
    expect(made.length).toBe(5); // two hosts, the switch, its wires, the program
    child.kill('SIGKILL');
    for (let i = 0; i < 1000 && made.some(isAlive); i++) await sleep(10);
    expect(made.filter(isAlive)).toEqual([]);
  });
});

/** After the name of its program: state, parent (proc(5)). */
const statusOf = (pid: number): string[] => {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return ['X'];
  }
};
const isAlive = (pid: number) => !['X', 'Z'].includes(statusOf(pid)[0]!);
const childrenOf = (pid: number) =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((each) => statusOf(each)[1] === String(pid));
