// Environments of Python's Gymnasium by name: "python/" and the name that it has there.
import { fileURLToPath } from 'node:url';
import { checkNumber, checkOptions, isObject, UserError } from '../../../base/index.ts';
import type { Environment } from '../../environment.ts';
import type { Family } from '../../registry.ts';
import { OrderEnforcing } from '../../wrappers/order-enforcing.ts';
import { PythonEnvironment } from './python-environment.ts';
import { PythonProcess } from './python-process.ts';

export const PREFIX = 'python/';

export interface PythonOptions {
  /** The Python program (TSUMUGI_PYTHON; otherwise `python3`, on Windows `python`). */
  python?: string;
  /** Python modules that register the environment; `ale_py` for names that begin with ALE/. */
  modules?: readonly string[];
  /** Further arguments of `gymnasium.make`. */
  arguments?: Readonly<Record<string, unknown>>;
  /** Whether pictures can be asked for (false). */
  render?: boolean;
  /** How long an answer is waited for (60). */
  timeoutSeconds?: number;
}

export const bridgeFile: string = fileURLToPath(new URL('bridge.py', import.meta.url));

const pythonProgram = () => process.env['TSUMUGI_PYTHON'] || (process.platform === 'win32' ? 'python' : 'python3');

async function make(id: string, options: PythonOptions): Promise<Environment> {
  checkOptions(id, options, { python: true, modules: true, arguments: true, render: true, timeoutSeconds: true });
  const {
    python: command = pythonProgram(),
    modules = [],
    arguments: given = {},
    render = false,
    timeoutSeconds = 60,
  } = options;
  checkNumber(id, 'timeoutSeconds', timeoutSeconds, { above: 0 });
  if (!Array.isArray(modules) || !isObject(given))
    throw new UserError('bad-option', `${id}: modules is a list of names, and arguments an object`);
  const process = await PythonProcess.start({ command, script: bridgeFile, name: id, timeoutSeconds });
  try {
    const name = id.slice(PREFIX.length);
    const request = { name, modules, arguments: { ...given, ...(render && { render_mode: 'rgb_array' }) } };
    return new OrderEnforcing(await PythonEnvironment.make(id, process, command, request));
  } catch (error) {
    process[Symbol.dispose]();
    throw error;
  }
}

/** The one environment of this name, whatever it is: Python knows. */
export const familyOf = (id: string): Family => ({ [id]: { make: (options) => make(id, options as PythonOptions) } });
