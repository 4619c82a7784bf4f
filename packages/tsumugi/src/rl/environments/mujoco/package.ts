// MuJoCo's own WebAssembly build, loaded when an environment needs it. One module serves every environment of a thread;
// a worker thread has one of its own. What is used of it is described here, so that who has not installed it can still
// compile tsumugi, and against its types.
import { loadOptional, type OptionalPackages } from '../../../base/index.ts';

/** What lies in WebAssembly's memory until it is deleted. */
interface Held {
  delete(): void;
}

export interface Model extends Held {
  readonly nq: number;
  readonly nv: number;
  readonly nu: number;
  readonly nbody: number;
  readonly ngeom: number;
  readonly opt: { readonly timestep: number };
  readonly body_mass: Float64Array;
  readonly geom_type: Int32Array;
  readonly geom_size: Float64Array;
  readonly geom_rgba: Float32Array;
  readonly actuator_ctrlrange: Float64Array;
}

/** Every reading of a property makes a view anew. */
export interface Data extends Held {
  readonly qpos: Float64Array;
  readonly qvel: Float64Array;
  readonly ctrl: Float64Array;
  readonly xpos: Float64Array;
  readonly xipos: Float64Array;
  readonly site_xpos: Float64Array;
  readonly geom_xpos: Float64Array;
  readonly geom_xmat: Float64Array;
  readonly cinert: Float64Array;
  readonly cvel: Float64Array;
  readonly cfrc_ext: Float64Array;
  readonly qfrc_actuator: Float64Array;
  readonly qfrc_constraint: Float64Array;
  readonly ten_length: Float64Array;
  readonly ten_velocity: Float64Array;
}

interface DoubleBuffer extends Held {
  GetView(): Float64Array;
}

export interface Mujoco {
  readonly MjModel: { from_xml_string(xml: string): Model };
  readonly MjData: new (model: Model) => Data;
  readonly DoubleBuffer: new (length: number) => DoubleBuffer;
  readonly mjtState: { readonly mjSTATE_INTEGRATION: { readonly value: number } };
  readonly mjtObj: { readonly mjOBJ_BODY: { readonly value: number } };
  mj_step(model: Model, data: Data): void;
  mj_forward(model: Model, data: Data): void;
  mj_resetData(model: Model, data: Data): void;
  mj_rnePostConstraint(model: Model, data: Data): void;
  mj_stateSize(model: Model, parts: number): number;
  mj_getState(model: Model, data: Data, into: DoubleBuffer, parts: number): void;
  mj_setState(model: Model, data: Data, state: Float64Array, parts: number): void;
  mj_name2id(model: Model, kind: number, name: string): number;
}

const name = '@mujoco/mujoco';

export const mujocoPackage = {
  code: 'no-mujoco',
  purpose: 'MuJoCo environments run on',
  versions: { [name]: '3.14.0' },
} as const satisfies OptionalPackages;

let loaded: Promise<Mujoco> | undefined;

/** @throws UserError `no-mujoco` when the package is not installed */
export function loadMujoco(): Promise<Mujoco> {
  loaded ??= loadOptional(mujocoPackage, async () => {
    const { default: start } = (await import(name as string)) as { default(): Promise<Mujoco> };
    return start();
  });
  return loaded;
}
