// Runs the suites of kernels on an addon that is compiled with AddressSanitizer and UndefinedBehaviorSanitizer, or with
// ThreadSanitizer. Every source is compiled by itself, so this also proves that each includes what it uses.
//   node scripts/sanitize.mjs address|thread [test files]
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSettings } from '../packages/native/lib/build.js';
import { buildRoot, defaultRecord, packageRoot, readJson } from '../packages/native/lib/builds.js';
import { chooseLevel, readCpuFlags } from '../packages/native/lib/cpu.js';
import { resolveLibtorch } from '../packages/native/lib/libtorch.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const suites = ['torch', 'nn', 'optim', 'lm/ops'].map((folder) => `packages/tsumugi/src/${folder}/`);
/** Kind → what is compiled in, the runtime to load before Node, and what it is told. */
const kinds = {
  address: { sanitizers: 'address,undefined', runtime: 'libasan.so' },
  thread: { sanitizers: 'thread', runtime: 'libtsan.so' },
};

const [kind = '', ...files] = process.argv.slice(2);
if (!(kind in kinds)) {
  console.error('usage: node scripts/sanitize.mjs address|thread [test files]');
  process.exit(2);
}
const { sanitizers, runtime } = kinds[/** @type {keyof typeof kinds} */ (kind)];
const named = process.env['LIBTORCH'];
const record = /** @type {{ libtorch: import('../packages/native/lib/libtorch.js').Libtorch } | undefined} */ (
  readJson(defaultRecord)
);
const found = named ? resolveLibtorch(named, 'LIBTORCH') : record;
if (!found || !('libtorch' in found)) {
  console.error('error: no libtorch has been set up\n  → run `npm run setup` first');
  process.exit(2);
}

/** @param {string} program @param {string[]} args @param {NodeJS.ProcessEnv} [env] */
function run(program, args, env = process.env) {
  const { status } = spawnSync(program, args, { cwd: root, env, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

const work = join(buildRoot, 'work', `sanitize-${kind}`);
const settings = {
  ...buildSettings(found.libtorch, chooseLevel(process.env, readCpuFlags()).level),
  SANITIZE: sanitizers,
};
mkdirSync(work, { recursive: true });
run('cmake', ['-S', packageRoot, '-B', work, ...Object.entries(settings).map(([name, value]) => `-D${name}=${value}`)]);
run('cmake', ['--build', work, '--parallel', '2']);

const library = spawnSync('c++', [`-print-file-name=${runtime}`], { encoding: 'utf8' }).stdout.trim();
const addon = JSON.stringify(join(work, 'tsumugi.node'));
// Loads the checked addon in place of the one that the loader names.
const swap = `const { dlopen } = process; process.dlopen = (module, path, ...rest) =>
  dlopen(module, path.endsWith('/tsumugi.node') ? ${addon} : path, ...rest);`;
run(
  // ThreadSanitizer wants memory where it expects it.
  'setarch',
  [
    '-R',
    join(root, 'node_modules/node/bin/node'),
    'node_modules/vitest/vitest.mjs',
    'run',
    '--config=scripts/vitest.sanitize.ts',
    ...(files.length > 0 ? files : suites),
  ],
  {
    ...process.env,
    LD_PRELOAD: library,
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(swap)}`,
    ASAN_OPTIONS: 'detect_leaks=0', // V8 frees nothing at its end
    UBSAN_OPTIONS: 'print_stacktrace=1',
    // Node and libtorch are not compiled with it: it cannot see how their own threads wait for each other.
    TSAN_OPTIONS: 'ignore_noninstrumented_modules=1:halt_on_error=1',
  },
);
