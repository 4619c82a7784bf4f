// An environment of Python's Gymnasium, which runs in a Python process of its own.
import { ConfigError, isObject, TsumugiError, UserError } from '../../../base/index.ts';
import type {
  ActionLike,
  Environment,
  Frame,
  Info,
  Observation,
  ResetOptions,
  ResetResult,
  StepResult,
} from '../../environment.ts';
import { type Box, type BoxDType, type Space, spaceOf } from '../../spaces/index.ts';
import type { PythonProcess, Reply } from './python-process.ts';

const kinds = { float32: Float32Array, float64: Float64Array, uint8: Uint8Array } as const;

export interface MakeRequest {
  /** As Gymnasium has it. */
  name: string;
  /** Python modules that are imported first: they register environments. */
  modules: readonly string[];
  /** Further arguments of `gymnasium.make`. */
  arguments: Readonly<Record<string, unknown>>;
}

export class PythonEnvironment implements Environment {
  readonly id: string;
  readonly observationSpace: Space;
  readonly actionSpace: Space;
  readonly actionMeanings?: readonly string[];
  /** There only where pictures were asked for. */
  readonly render?: () => Frame;
  readonly #process: PythonProcess;
  readonly #dtype: BoxDType;

  /** @throws UserError when Gymnasium, the environment or what it needs is missing, or its spaces are of another kind */
  static async make(
    id: string,
    process: PythonProcess,
    command: string,
    request: MakeRequest,
  ): Promise<PythonEnvironment> {
    const { header } = await process.askLater({ do: 'make', ...request });
    refuse(id, command, request, header);
    return new PythonEnvironment(id, process, header, request.arguments['render_mode'] === 'rgb_array');
  }

  private constructor(id: string, process: PythonProcess, made: Reply['header'], renders: boolean) {
    this.id = id;
    this.#process = process;
    this.observationSpace = spaceOf(made['observation']);
    this.actionSpace = spaceOf(made['action']);
    this.#dtype = this.observationSpace.kind === 'Box' ? (this.observationSpace as Box).dtype : 'float32';
    if (Array.isArray(made['meanings'])) this.actionMeanings = made['meanings'].map(String);
    if (renders) this.render = () => this.#render();
  }

  reset({ seed, options }: ResetOptions = {}): ResetResult {
    const { header, payload } = this.#ask({ do: 'reset', seed: seed ?? null, options: options ?? null });
    return { observation: this.#seen(payload, 0), info: infoOf(header) };
  }

  step(action: ActionLike): StepResult {
    const numbers = typeof action === 'number' ? Float64Array.of(action) : Float64Array.from(action);
    const { header, payload } = this.#ask({ do: 'step' }, numbers);
    return {
      observation: this.#seen(payload, 8),
      reward: new DataView(payload).getFloat64(0, true),
      terminated: header['terminated'] === true,
      truncated: header['truncated'] === true,
      info: infoOf(header),
    };
  }

  #render(): Frame {
    const { header, payload } = this.#ask({ do: 'render' });
    return { width: Number(header['width']), height: Number(header['height']), data: new Uint8Array(payload) };
  }

  /** The bytes are this observation's alone. */
  #seen(payload: ArrayBuffer, from: number): Observation {
    const { observationSpace } = this;
    if (observationSpace.kind === 'Discrete') return new DataView(payload).getFloat64(from, true);
    const observation = new kinds[this.#dtype](payload, from);
    const size = observationSpace.shape.reduce((product, length) => product * length, 1);
    if (observation.length === size) return observation;
    throw new TsumugiError(
      'python-failed',
      `${this.id}: an observation has ${observation.length} elements, its space ${String(observationSpace)} says ${size}`,
    );
  }

  #ask(request: object, payload?: Float64Array): Reply {
    const reply = this.#process.ask(request, payload);
    const { failed, refused, sentence, traceback } = reply.header;
    if (failed !== undefined)
      throw new TsumugiError('python-failed', `${this.id} failed in Python: ${String(failed)}`, {
        fields: { traceback },
        cause: traceback,
      });
    if (refused !== undefined) throw new UserError('python-refused', `${this.id}: ${String(sentence)}`);
    return reply;
  }

  [Symbol.dispose](): void {
    this.#process[Symbol.dispose]();
  }
}

const infoOf = (header: Reply['header']): Info => (isObject(header['info']) ? header['info'] : {});

/** @throws UserError for an environment that could not be made */
function refuse(id: string, command: string, { name }: MakeRequest, header: Reply['header']): void {
  const { refused, sentence, failed, traceback } = header;
  const fields = { command, name, ...(traceback !== undefined && { traceback }) };
  const error = (code: string, message: string, remedy: string) => new UserError(code, message, { remedy, fields });
  switch (refused) {
    case undefined:
      break;
    case 'no-gymnasium':
      throw error(
        'no-gymnasium',
        `${id} is one of Gymnasium’s, which the Python "${command}" has not installed`,
        `${command} -m pip install gymnasium`,
      );
    case 'no-environment':
      throw error(
        'unknown-environment',
        `Gymnasium has no environment "${name}": ${String(sentence)}`,
        'Name the Python module that registers it with the option modules.',
      );
    case 'bad-space':
      throw error(
        'bad-space',
        `${id}: ${String(sentence)}`,
        'Put a wrapper around it in Python, FlattenObservation for instance, and register that.',
      );
    default:
      throw error(
        'no-python-module',
        `${id} does not load in Python "${command}": ${String(sentence)}`,
        `Install it for that Python: ${command} -m pip install …`,
      );
  }
  if (failed === undefined) return;
  throw new ConfigError('python-failed', `${id} could not be made in Python: ${String(failed)}`, { fields });
}
