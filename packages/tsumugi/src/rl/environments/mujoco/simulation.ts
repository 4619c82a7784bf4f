// A model with its state, stepped by MuJoCo: typed arrays that look into WebAssembly's memory, and what owns that memory.
import { invariant } from '../../../base/index.ts';
import { borrowModel, returnModel } from './model.ts';
import type { Data, Model, Mujoco } from './package.ts';

const view: Float64Array = new Float64Array(0);

export class Simulation implements Disposable {
  readonly nq: number;
  readonly nv: number;
  readonly nu: number;
  readonly nbody: number;
  readonly ngeom: number;
  /** Seconds of one step of the simulation. */
  readonly timestep: number;
  /** Seconds of one step of the environment. */
  readonly dt: number;
  /** The model's own position and velocity. */
  readonly startQpos: Float64Array;
  readonly startQvel: Float64Array;
  readonly bodyMass: Float64Array;
  readonly geomType: Int32Array;
  readonly geomSize: Float64Array;
  /** [actuators, 2]: lowest and highest control. */
  readonly ctrlRange: Float64Array;

  // The views, named as in MuJoCo. Each costs a quarter of a microsecond to get, so they are taken once, and again after
  // WebAssembly's memory has grown (which empties them: any other simulation of the thread may bring it about).
  qpos = view;
  qvel = view;
  ctrl = view;
  xpos = view;
  xipos = view;
  siteXpos = view;
  geomXpos = view;
  geomXmat = view;
  cinert = view;
  cvel = view;
  cfrcExt = view;
  qfrcActuator = view;
  qfrcConstraint = view;
  tenLength = view;
  tenVelocity = view;

  readonly #mujoco: Mujoco;
  readonly #file: string;
  readonly #model: Model;
  readonly #data: Data;
  readonly #frameSkip: number;
  readonly #stateSize: number;
  /** What determines all that follows: time, position, velocity, activation, controls, what the solver starts from. */
  readonly #stateOf: number;
  #disposed = false;

  /** @param file of the model */
  constructor(mujoco: Mujoco, file: string, frameSkip: number) {
    this.#mujoco = mujoco;
    this.#frameSkip = frameSkip;
    this.#file = file;
    this.#model = borrowModel(mujoco, file);
    this.#data = new mujoco.MjData(this.#model);
    const model = this.#model;
    ({ nq: this.nq, nv: this.nv, nu: this.nu, nbody: this.nbody, ngeom: this.ngeom } = model);

    this.timestep = model.opt.timestep;
    this.dt = this.timestep * frameSkip;
    this.bodyMass = Float64Array.from(model.body_mass);
    this.geomType = Int32Array.from(model.geom_type);
    this.geomSize = Float64Array.from(model.geom_size);
    this.ctrlRange = Float64Array.from(model.actuator_ctrlrange);
    this.#stateOf = mujoco.mjtState.mjSTATE_INTEGRATION.value;
    this.#stateSize = mujoco.mj_stateSize(model, this.#stateOf);
    this.refresh();
    this.startQpos = this.qpos.slice();
    this.startQvel = this.qvel.slice();
  }

  /** Takes the views again where memory has grown. Whoever reads them after another simulation may have run calls it. */
  refresh(): void {
    if (this.qpos.length > 0) return;
    invariant(!this.#disposed, 'a simulation is not used after its end');
    const data = this.#data;
    this.qpos = data.qpos;
    this.qvel = data.qvel;
    this.ctrl = data.ctrl;
    this.xpos = data.xpos;
    this.xipos = data.xipos;
    this.siteXpos = data.site_xpos;
    this.geomXpos = data.geom_xpos;
    this.geomXmat = data.geom_xmat;
    this.cinert = data.cinert;
    this.cvel = data.cvel;
    this.cfrcExt = data.cfrc_ext;
    this.qfrcActuator = data.qfrc_actuator;
    this.qfrcConstraint = data.qfrc_constraint;
    this.tenLength = data.ten_length;
    this.tenVelocity = data.ten_velocity;
  }

  /** One step of the environment under these controls. */
  advance(controls: ArrayLike<number>): void {
    this.refresh();
    this.ctrl.set(controls);
    for (let i = 0; i < this.#frameSkip; i++) this.#mujoco.mj_step(this.#model, this.#data);
    // Forces on the bodies are not computed by a step, unless a sensor asks for them.
    this.#mujoco.mj_rnePostConstraint(this.#model, this.#data);
    this.refresh();
  }

  /** Forgets everything and stands still at this position and velocity. */
  place(qpos: Float64Array, qvel: Float64Array): void {
    this.#mujoco.mj_resetData(this.#model, this.#data);
    this.refresh();
    this.qpos.set(qpos);
    this.qvel.set(qvel);
    this.#mujoco.mj_forward(this.#model, this.#data);
    this.refresh();
  }

  /** A copy of what determines all that follows. */
  get state(): Float64Array {
    const buffer = new this.#mujoco.DoubleBuffer(this.#stateSize);
    try {
      this.#mujoco.mj_getState(this.#model, this.#data, buffer, this.#stateOf);
      return Float64Array.from(buffer.GetView());
    } finally {
      buffer.delete();
    }
  }

  set state(state: Float64Array) {
    invariant(state.length === this.#stateSize, `a state of ${this.#stateSize} numbers`);
    const put = () => this.#mujoco.mj_setState(this.#model, this.#data, state, this.#stateOf);
    this.#mujoco.mj_resetData(this.#model, this.#data);
    put();
    // Places of bodies follow from it, for pictures; doing so moves what the solver starts from, which is put back.
    this.#mujoco.mj_forward(this.#model, this.#data);
    put();
    this.refresh();
  }

  get stateSize(): number {
    return this.#stateSize;
  }

  /** The number of a body. */
  body(name: string): number {
    const number = this.#mujoco.mj_name2id(this.#model, this.#mujoco.mjtObj.mjOBJ_BODY.value, name);
    invariant(number >= 0, `the model has a body ${name}`);
    return number;
  }

  /** Of a geom: red, green, blue from 0 to 255. */
  colour(geom: number): readonly [number, number, number] {
    const rgba = this.#model.geom_rgba;
    return [0, 1, 2].map((i) => 255 * rgba[4 * geom + i]!) as [number, number, number];
  }

  [Symbol.dispose](): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#data.delete();
    returnModel(this.#file);
    this.qpos = view;
  }
}
