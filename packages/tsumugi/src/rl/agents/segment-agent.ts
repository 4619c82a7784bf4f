// What agents have in common that learn from pieces of single episodes: each environment's steps are gathered by themselves.
import type { State } from '../../store/index.ts';
import { scope, type Tensor } from '../../torch/index.ts';
import type { AgentState, Outcome } from '../agent.ts';
import { isRecurrentModel, type PolicyValues } from '../networks/index.ts';
import type { OwnState } from './agent-state.ts';
import { type Acted, PolicyAgent, type PolicyAgentOptions } from './policy-agent.ts';
import type { ActorCriticModel, PolicyModel } from './policy-stepper.ts';
import { Segment, type SegmentLayout } from './segment.ts';

export abstract class SegmentAgent<M extends PolicyModel> extends PolicyAgent<M> {
  protected readonly layout: SegmentLayout;
  protected segments: Segment[];

  /** @param parameterWidths numbers of each of the distributions' parameters, where the agent keeps what it drew from */
  protected constructor(options: PolicyAgentOptions<M>, parameterWidths: readonly number[] = []) {
    super(options);
    const { input, output } = this;
    this.layout = { input, output, stateSize: this.stepper.stateSize, parameterWidths };
    this.segments = Array.from({ length: this.environments }, () => new Segment(this.layout));
  }

  /**
   * A step was added to the segment of an environment, or it was cut after the last one, and it may have ended.
   *
   * @returns whether the segment is done with: the next step begins another
   */
  protected abstract advanced(segment: Segment, isCut?: boolean): boolean;
  /** What the kind of agent keeps besides: further segments, and figures. */
  protected abstract further(): { segments: Readonly<Record<string, readonly Segment[]>>; figures: State };
  protected abstract loadFurther(segments: (name: string) => Segment[], figures: State): void;

  protected override learn(acted: Acted, outcomes: readonly Outcome[]): void {
    outcomes.forEach((outcome, i) => {
      const segment = this.segments[i]!;
      segment.add(acted, outcome, i);
      if (this.advanced(segment) || segment.hasEnded) this.segments[i] = new Segment(this.layout);
    });
  }

  protected override cut(i: number): void {
    const segment = this.segments[i]!;
    this.segments[i] = new Segment(this.layout);
    if (segment.length === 0) return;
    segment.truncated = true;
    scope(() => this.advanced(segment, true));
  }

  protected override ownState(): OwnState {
    const { segments, figures } = this.further();
    const all = { segments: this.segments, ...segments };
    return {
      tensors: Object.fromEntries(Object.entries(all).map(([name, of]) => [name, Segment.pack(this.layout, of)])),
      state: figures,
    };
  }

  protected override loadOwnState(figures: State, tensors: AgentState['tensors']): void {
    const unpacked = (name: string) => Segment.unpack(this.layout, new Map(tensors[name] ?? []));
    this.segments = unpacked('segments');
    this.loadFurther(unpacked, figures);
  }
}

/** An actor-critic on the steps of a segment: distributions and values [L]. @param x observations as the model takes them */
export function evaluateSegment(model: ActorCriticModel, segment: Segment, x: Tensor): PolicyValues {
  if (!isRecurrentModel(model)) return model.forward(x);
  const state = segment.memoryTensor().to(x.device);
  const { distribution, values } = model.unroll(x.unsqueeze(1), state);
  const flat = (of: Tensor) => of.squeeze(1);
  return { distribution: distribution.withParameters(distribution.parameters.map(flat)), values: flat(values) };
}

/** V of what a segment led to; 0 where nothing follows. */
export function valueAfter(
  model: ActorCriticModel,
  segment: Segment,
  normalized: (observations: Tensor) => Tensor,
): Tensor | undefined {
  if (segment.terminated) return undefined;
  const x = normalized(segment.layout.input.tensor([segment.next!]));
  if (!isRecurrentModel(model)) return model.valuesOf(x);
  const state = segment.memoryAfterTensor().to(x.device);
  return model.unroll(x.unsqueeze(0), state).values.squeeze(0);
}

/**
 * What of an episode in progress is due to be learned from: the last `longest` steps each time that so many are new, and what is
 * left at its end. Undefined as long as nothing is.
 *
 * @param isCut the episode ends without a further step: its last one may have been learned from
 */
export function newPiece(episode: Segment, longest: number, isCut: boolean): Segment | undefined {
  const rest = longest === Infinity ? episode.length : episode.length % longest;
  if (rest !== 0 && !episode.hasEnded) return undefined;
  if (rest === 0 && isCut) return undefined;
  const length = rest === 0 ? longest : rest;
  return episode.window(episode.length - length, length);
}
