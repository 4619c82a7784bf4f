// `tsumugi pull` in a process of its own that is ended in the middle: nothing has its place by then, and the same command goes on.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { HubServer, sha256Of } from '../store/hub/hub.testing.ts';

const bin = fileURLToPath(new URL('../../bin/tsumugi.js', import.meta.url));
const commit = 'e'.repeat(40);
const weights = Buffer.alloc(3_000_000, 'weights');

it.each(['SIGINT', 'SIGKILL'] as const)('goes on after %s', async (signal) => {
  const home = mkdtempSync(join(tmpdir(), 'tsumugi-pull-kill-'));
  try {
    await using hub = await HubServer.start({
      'a/b': { commits: { [commit]: { 'config.json': '{}', 'model.safetensors': weights } } },
    });
    const cache = join(home, 'hub', 'models--a--b');
    const run = () => {
      const env = { ...process.env, HF_ENDPOINT: hub.endpoint, HF_HUB_CACHE: join(home, 'hub'), HF_HUB_OFFLINE: '' };
      const child = spawn(process.execPath, [bin, 'pull', 'a/b'], { env, stdio: ['ignore', 'pipe', 'inherit'] });
      let stdout = '';
      child.stdout.on('data', (piece) => {
        stdout += piece;
      });
      const ended = new Promise<{ code: number | null; stdout: string }>((done) =>
        child.on('close', (code) => done({ code, stdout })),
      );
      return { child, ended };
    };
    let half: () => void;
    const reached = new Promise<void>((done) => {
      half = done;
    });
    // Half of it, and then nothing more.
    hub.fault = ({ at }, response) => {
      if (at === 'hub') return false;
      response.setHeader('content-length', weights.length);
      response.write(weights.subarray(0, 1_500_000), () => setTimeout(half, 300));
      return true;
    };
    const first = run();
    await reached;
    first.child.kill(signal);
    expect((await first.ended).code).not.toBe(0);
    expect(existsSync(join(cache, 'refs'))).toBe(false);
    const [left] = readdirSync(join(cache, 'blobs')).filter((name) => name.endsWith('.incomplete'));
    const bytes = statSync(join(cache, 'blobs', left!)).size;
    expect(bytes).toBeGreaterThan(0);
    expect(bytes).toBeLessThanOrEqual(1_500_000);

    hub.fault = () => false;
    hub.asked.length = 0;
    expect(await run().ended).toEqual({ code: 0, stdout: `${join(cache, 'snapshots', commit)}\n` });
    expect(hub.asked.find(({ at }) => at === 'cdn')!.range).toBe(`bytes=${bytes}-`);
    expect(sha256Of(readFileSync(join(cache, 'snapshots', commit, 'model.safetensors')))).toBe(sha256Of(weights));
    expect(readdirSync(join(cache, 'blobs'))).toHaveLength(2);
  } finally {
    rmSync(home, { recursive: true });
  }
});
