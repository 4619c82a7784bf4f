// docs/pull.md: its program prints what it says, with a hub on this machine whose model is in the cache by then.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { TinyModel } from '../packages/tsumugi/src/lm/tiny-model.testing.ts';
import { HubServer } from '../packages/tsumugi/src/store/hub/hub.testing.ts';
import { pull } from '../packages/tsumugi/src/store/index.ts';
import { readPage, runSnippets, snippetsOf } from './snippets.testing.ts';

afterEach(() => vi.unstubAllEnvs());

it('does what the page says', async () => {
  const home = mkdtempSync(join(tmpdir(), 'tsumugi-pull-docs-'));
  try {
    using tiny = new TinyModel();
    const files = Object.fromEntries(
      readdirSync(tiny.folder).map((name) => [name, readFileSync(join(tiny.folder, name))]),
    );
    await using hub = await HubServer.start({ 'tsumugi/tiny': { commits: { ['1'.repeat(40)]: files } } });
    vi.stubEnv('HF_ENDPOINT', hub.endpoint);
    vi.stubEnv('HF_HUB_CACHE', join(home, 'hub'));
    vi.stubEnv('HF_HUB_OFFLINE', '');
    await pull('tsumugi/tiny');
    vi.stubEnv('HF_HUB_OFFLINE', '1');
    const snippets = snippetsOf(readPage('pull.md'));
    expect(snippets.map(({ prints }) => prints.length)).toEqual([2]);
    expect(runSnippets(snippets)).toEqual(snippets.map(({ prints }) => ({ prints })));
  } finally {
    rmSync(home, { recursive: true });
  }
});
