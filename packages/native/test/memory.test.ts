// Memory that runs out: freed blocks are given back first, and what remains is an error that leaves everything usable.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { requires } from '../../../tests/requires.testing.ts';

const torch = fileURLToPath(new URL('../../tsumugi/src/torch/index.ts', import.meta.url));
const prlimit = requires(spawnSync('prlimit', ['--version']).status === 0, 'prlimit, of Linux');

/** Runs code with tensors and `leave(megabytes)`, after which the process can map so much more. */
function underLimit(code: string): unknown {
  const script = `
    import { execFileSync } from 'node:child_process';
    import { readFileSync } from 'node:fs';
    import { backward, emptyCache, memory, scope, zeros } from ${JSON.stringify(torch)};
    const leave = (megabytes) => {
      const used = 1024 * Number(/VmSize:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]);
      execFileSync('prlimit', ['--pid', String(process.pid), '--as=' + (used + megabytes * 2 ** 20)]);
    };
    const attempt = (body) => { try { return body(); } catch (error) { return [error.code, error.message]; } };
    const floats = (megabytes, options) => zeros([megabytes * 2 ** 18], options);
    zeros([1]).dispose();
    ${code}`;
  const file = join(fileURLToPath(new URL('.', import.meta.url)), '..');
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    cwd: file,
    encoding: 'utf8',
    // One arena: glibc maps 64 MiB for each thread that allocates, whenever it comes to it.
    env: { ...process.env, TSUMUGI_THREADS: '1', MALLOC_ARENA_MAX: '1' },
  });
  expect([status, stderr]).toEqual([0, '']);
  return JSON.parse(stdout);
}

it('is taken from freed blocks before an allocation fails', prlimit, () => {
  const result = underLimit(`
    floats(230).dispose();
    const cached = memory().cachedBytes;
    leave(128); // too little by itself, and with room for what Node maps meanwhile
    const more = attempt(() => floats(280).shape);
    console.log(JSON.stringify({ cached, more, left: memory().cachedBytes }));`);
  expect(result).toEqual({ cached: expect.any(Number), more: [280 * 2 ** 18], left: 0 });
  expect((result as { cached: number }).cached).toBeGreaterThan(240e6);
});

it('that is not there is an error, also in a backward pass, and all goes on after it', prlimit, () => {
  const result = underLimit(`
    const x = floats(100).requiresGrad_();
    const loss = scope(() => x.mul(x).exp().sum());
    leave(32);
    const tooLarge = attempt(() => floats(1000));
    const failed = attempt(() => backward(loss));
    const y = zeros([4]).add(3).requiresGrad_();
    backward(scope(() => y.mul(y).sum()));
    console.log(JSON.stringify({ tooLarge, failed, gradient: y.grad.tolist() }));`);
  expect(result).toEqual({
    tooLarge: ['out-of-memory', expect.stringMatching(/out of memory: asked for 1048576000 bytes with \d+ bytes live/)],
    failed: ['out-of-memory', expect.stringContaining('out of memory')],
    gradient: [6, 6, 6, 6],
  });
});
