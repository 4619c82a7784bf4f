// The packages as somebody has them who installed them: packed, and installed in an empty folder outside the repository.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { describe } from '@tsumugi/native';
import { type Packed, pack } from '../scripts/pack.mjs';

export const root = fileURLToPath(new URL('..', import.meta.url));

export interface Ended {
  status: number | null;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  /** The user's cache, below home. */
  cache?: string;
  input?: string;
  env?: NodeJS.ProcessEnv;
}

export class PackedApp implements Disposable {
  /** A name as people's folders have: with a space, and letters beyond ASCII. */
  readonly home = mkdtempSync(join(tmpdir(), 'tsumugi 包み-'));
  readonly folder = join(this.home, 'app');
  packages: Packed[] = [];

  /** Why the packages could not be installed, when npm's registry cannot be reached; undefined when they are. */
  async install(): Promise<string | undefined> {
    try {
      return await this.#install();
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  [Symbol.dispose](): void {
    rmSync(this.home, { recursive: true, force: true });
  }

  async #install(): Promise<string | undefined> {
    const tarballs = join(this.home, 'packages');
    // `npm run check` has looked at the types of the sources, and the tests at those that come out.
    this.packages = await pack(tarballs, { check: false });
    mkdirSync(this.folder);
    this.write('package.json', '{ "private": true, "type": "module" }\n');
    const files = this.packages.map(({ filename }) => join(tarballs, filename));
    const flags = ['--prefer-offline', '--no-audit', '--no-fund', '--fetch-retries=0'];
    const { status, stderr } = this.#run('npm', ['install', ...flags, ...files]);
    if (status === 0) return undefined;
    const code = /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ENOTCACHED)\b/.exec(stderr)?.[1];
    if (code === undefined) throw new Error(`npm install failed:\n${stderr}`);
    return `npm's registry cannot be reached (${code})`;
  }

  write(name: string, text: string): string {
    const path = join(this.folder, name);
    writeFileSync(path, text);
    return path;
  }

  /** Runs Node in the folder. */
  node(args: readonly string[], { cache = 'cache', input = '', env = {} }: RunOptions = {}): Ended {
    return this.#run(process.execPath, args, { XDG_CACHE_HOME: join(this.home, cache), ...env }, input);
  }

  tsumugi(args: readonly string[], options: RunOptions = {}): Ended {
    return this.node([join(this.folder, 'node_modules', 'tsumugi', 'bin', 'tsumugi.js'), ...args], options);
  }

  /** Puts the checkout's addon where the installed package would build its own, which takes minutes. */
  lendAddon(): void {
    const addon = describe().addon!;
    const lib = (name: string) =>
      JSON.stringify(pathToFileURL(join(this.folder, 'node_modules', '@tsumugi', 'native', 'lib', name)).href);
    const { stdout, stderr } = this.node([
      '--input-type=module',
      '-e',
      `import { readFileSync, mkdirSync, copyFileSync } from 'node:fs';
       import { dirname, join } from 'node:path';
       import { addonPath, buildKey, writeJson } from ${lib('builds.js')};
       import { inputsHash } from ${lib('build.js')};
       const from = ${JSON.stringify(addon)};
       const record = JSON.parse(readFileSync(join(dirname(from), 'build.json'), 'utf8'));
       const key = buildKey(record.libtorch, record.cpuLevel);
       const to = addonPath(key);
       mkdirSync(dirname(to), { recursive: true });
       copyFileSync(from, to);
       const inputs = inputsHash(record.libtorch, record.cpuLevel);
       writeJson(join(dirname(to), 'build.json'), { ...record, key, inputs });
       console.log(join(dirname(to), '..', 'default.json'));`,
    ]);
    if (stderr !== '') throw new Error(stderr);
    const chosen = join(dirname(addon), '..', 'default.json');
    if (existsSync(chosen)) cpSync(chosen, stdout.trim());
  }

  #run(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}, input = ''): Ended {
    const options = { cwd: this.folder, encoding: 'utf8', input, env: { ...process.env, ...env } } as const;
    return spawnSync(program, args, options);
  }
}
