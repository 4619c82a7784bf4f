// `tsumugi setup`: what an installed tsumugi needs once before it can compute. npm may have install scripts switched off, and
// which libtorch there is changes, so the addon is built when it is asked for.
import { setUpNative } from '../torch/index.ts';
import { defineCommand } from './command.ts';
import { write } from './io.ts';

export const run = defineCommand(
  {
    command: 'tsumugi setup',
    summary: 'find or install libtorch, and build the native addon for it',
    options: {
      search: { type: 'boolean', help: 'look for libtorch again, even when the one chosen last time is still there' },
      json: { type: 'boolean', help: 'print what was found and built as one JSON object' },
    },
    details:
      'libtorch is LIBTORCH=folder, an installed Python torch, the system’s package or Homebrew’s: the first found, otherwise\n' +
      'Debian’s packages, when run as root. The build needs cmake, make and g++ or clang++, and takes minutes the first time; it is\n' +
      'kept in the user’s cache, for each libtorch and CPU level. TSUMUGI_CPU=x86-64-v3 (or another level that this CPU has)\n' +
      'builds for that level; set it for what runs afterwards, too.',
  },
  async ({ search, json }, io) => {
    const { libtorch, cpuLevel, addon } = await setUpNative({ output: io.stderr, search });
    if (json) await write(io.stdout, `${JSON.stringify({ libtorch, cpuLevel, addon })}\n`);
  },
);
