// What agents have in common that learn on policy, from T steps of N environments at a time.
import type { State } from '../../store/index.ts';
import { fromBytes, type Tensor } from '../../torch/index.ts';
import type { AgentState, Outcome } from '../agent.ts';
import type { Distribution } from '../distributions/index.ts';
import { isRecurrentModel, type PolicyValues } from '../networks/index.ts';
import type { OwnState } from './agent-state.ts';
import { type Acted, PolicyAgent, type PolicyAgentOptions } from './policy-agent.ts';
import type { ActorCriticModel } from './policy-stepper.ts';
import { Rollout } from './rollout.ts';

export abstract class RolloutAgent<M extends ActorCriticModel = ActorCriticModel> extends PolicyAgent<M> {
  protected readonly rollout: Rollout;

  /** @param horizon steps of each environment between updates (T) */
  protected constructor(options: PolicyAgentOptions<M>, horizon: number) {
    super(options);
    this.rollout = new Rollout(this.input, this.output, horizon, this.environments, this.stepper.stateSize);
  }

  /** Learns from a full rollout. */
  protected abstract update(rollout: Rollout): void;
  /** What the kind of agent keeps besides counters and the rollout. */
  protected abstract figures(): State;
  protected abstract loadFigures(figures: State): void;

  protected override learn({ observations, actions, memories }: Acted, outcomes: readonly Outcome[]): void {
    this.rollout.push(observations, actions, outcomes, memories);
    if (!this.rollout.isFull) return;
    this.update(this.rollout);
    this.updates++;
    this.rollout.clear();
  }

  /** The model on all rows of the rollout: distributions and values [T·N]. @param observations as the model takes them [T·N, …] */
  protected evaluate(observations: Tensor): PolicyValues {
    const { model, rollout } = this;
    if (!isRecurrentModel(model)) return model.forward(observations);
    const { length, environments, stateSize } = rollout;
    const state = this.onDevice(
      fromBytes(rollout.memories.subarray(0, environments * stateSize), 'float32', [environments, stateSize]),
    );
    const unrolled = model.unroll(observations.unflatten(0, [length, environments]), state, rollout.starts());
    return { distribution: flattened(unrolled.distribution), values: unrolled.values.flatten(0, 1) };
  }

  /** V(s') of all rows, given V(s) of all rows: what no row has is evaluated by itself. */
  protected nextValues(values: ArrayLike<number>): Float64Array {
    const { model, rollout } = this;
    const nexts = rollout.nexts();
    if (!nexts) return rollout.nextValues(values, []);
    const observations = this.normalized(nexts.observations);
    const found = isRecurrentModel(model)
      ? model.unroll(observations.unsqueeze(0), this.onDevice(nexts.memories!)).values
      : model.valuesOf(observations);
    return rollout.nextValues(values, found.detach().contiguous().data() as Float32Array);
  }

  protected override cut(i: number): void {
    this.rollout.cut(i);
  }

  protected override ownState(): OwnState {
    return { tensors: { rollout: this.rollout.tensors() }, state: this.figures() };
  }

  protected override loadOwnState(figures: State, tensors: AgentState['tensors']): void {
    this.rollout.load(new Map(tensors['rollout'] ?? []));
    this.loadFigures(figures);
  }
}

/** Of [T, B] the same of [T·B]. */
export const flattened = (distribution: Distribution): Distribution =>
  distribution.withParameters(distribution.parameters.map((each) => each.flatten(0, 1)));
