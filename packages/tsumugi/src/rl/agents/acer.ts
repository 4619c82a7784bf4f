// ACER, the actor-critic with experience replay (Wang et al. 2017, arXiv 1611.01224); its loss is in acer-loss.ts. After t_max steps
// of an environment, or at the end of its episode: an update on policy (ρ = 1, no correction), then `replayUpdates` updates from
// stretches of at most t_max steps of past episodes. After each update the averaged policy follows: θ̄ ← α θ̄ + (1 − α) θ.
import { checkNumber, deriveSeed, RandomStream } from '../../base/index.ts';
import type { Module } from '../../nn/index.ts';
import type { Optimizer } from '../../optim/index.ts';
import type { State } from '../../store/index.ts';
import { fromBytes, noGrad, Rng, type Tensor } from '../../torch/index.ts';
import type { Categorical, Distribution } from '../distributions/index.ts';
import {
  type ActorQModule,
  type ActorQValues,
  isRecurrentModel,
  type RecurrentActorQModule,
} from '../networks/index.ts';
import type { Discrete } from '../spaces/index.ts';
import { fullCorrection, retrace, sampledCorrection, withinTrustRegion } from './acer-loss.ts';
import type { AgentParts } from './agent-state.ts';
import { EpisodeReplay } from './episode-replay.ts';
import type { PolicyAgentOptions } from './policy-agent.ts';
import { RunningAverage } from './running-average.ts';
import type { Segment } from './segment.ts';
import { newPiece, SegmentAgent } from './segment-agent.ts';
import { takeStep } from './take-step.ts';
import { TargetNetwork } from './target-network.ts';

/** A policy, Q and V, with or without a memory. */
export type ActorQModel = ActorQModule | RecurrentActorQModule;

export interface ACEROptions<M extends ActorQModel = ActorQModel> extends PolicyAgentOptions<M> {
  /** Of the same shape as the model; the agent makes it its average, and frees it. */
  average: M;
  optimizer: Optimizer;
  /** Longest segment (t_max). */
  maxSteps: number;
  gamma: number;
  /** c */
  truncation: number;
  /** δ; null: no trust region. */
  trustRegion: number | null;
  /** α */
  averageDecay: number;
  /** Advantages are of Q_opc instead of Q_ret. */
  useOpc: boolean;
  policyCoefficient: number;
  qCoefficient: number;
  entropyCoefficient: number;
  /** Losses are divided by the number of steps. */
  normalizeBySteps: boolean;
  replayUpdates: number;
  /** Steps of replay, and how many there must be. */
  capacity: number;
  replayStart: number;
  /** Whether it learns on policy, too. */
  onlineUpdate: boolean;
  maxGradNorm: number | null;
}

/** How many numbers each of the distributions' parameters has: logits, or mean and variance. */
function widthsOf({ actionSpace }: ACEROptions): number[] {
  if (actionSpace.kind === 'Discrete') return [(actionSpace as Discrete).n];
  const width = actionSpace.shape.reduce((product, length) => product * length, 1);
  return [width, width];
}

export class ACER<M extends ActorQModel = ActorQModel> extends SegmentAgent<M> {
  readonly options: ACEROptions<M>;
  readonly optimizer: Optimizer;
  /** Of the model's shape. */
  readonly average: TargetNetwork<Module>;
  readonly replay: EpisodeReplay;
  readonly #draws: RandomStream;
  /** Of the actions that corrections and SDN draw. */
  readonly #learning: Rng;
  readonly #entropy = new RunningAverage(0.999);
  readonly #value = new RunningAverage(0.999);
  readonly #kl = new RunningAverage(0.999);

  constructor(options: ACEROptions<M>) {
    super(options, widthsOf(options));
    for (const name of ['maxSteps', 'capacity', 'replayStart'] as const)
      checkNumber('ACER', name, options[name], { min: 1, whole: true });
    checkNumber('ACER', 'replayStart', options.replayStart, { max: options.capacity });
    checkNumber('ACER', 'replayUpdates', options.replayUpdates, { min: 0, whole: true });
    checkNumber('ACER', 'truncation', options.truncation, { above: 0 });
    checkNumber('ACER', 'averageDecay', options.averageDecay, { min: 0, max: 1 });
    this.options = options;
    this.optimizer = options.optimizer;
    this.average = new TargetNetwork<Module>(options.average, options.model);
    this.#draws = new RandomStream(deriveSeed(options.seed, 'replay'));
    this.#learning = new Rng(deriveSeed(options.seed, 'learning'), this.stepper.device);
    this.replay = new EpisodeReplay(options.capacity, this.#draws);
  }

  protected override get keepsParameters(): boolean {
    return true;
  }

  protected override advanced(episode: Segment, isCut = false): boolean {
    const { maxSteps, onlineUpdate, replayUpdates, replayStart } = this.options;
    if (episode.hasEnded) this.replay.add(episode);
    const piece = newPiece(episode, maxSteps, isCut);
    if (!piece) return episode.hasEnded;
    if (onlineUpdate) this.#update(piece, true);
    if (this.replay.hasEnough(replayStart))
      for (let update = 0; update < replayUpdates; update++) this.#update(this.replay.sample(maxSteps), false);
    return episode.hasEnded;
  }

  #update(segment: Segment, isOnPolicy: boolean): void {
    const raw = this.onDevice(segment.observationTensor());
    const x = this.normalized(raw);
    const output = this.#evaluate(x, segment.memoryTensor());
    const loss = this.#loss(segment, x, output, isOnPolicy);
    takeStep(this.optimizer, loss, this.options.maxGradNorm);
    this.average.follow(1 - this.options.averageDecay);
    if (isOnPolicy) this.normalizer?.experience(raw.to('float32'));
    this.#entropy.add(output.distribution.entropy().mean().item());
    this.#value.add(output.values.mean().item());
    this.updates++;
  }

  /** @param x observations of consecutive steps @param memory the model's before them, where it has one [1, S] */
  #evaluate(x: Tensor, memory: Tensor): ActorQValues {
    const model: ActorQModel = this.model;
    if (isRecurrentModel(model)) return model.evaluateSteps(x, this.onDevice(memory), this.#learning);
    return model.evaluate(x, this.#learning);
  }

  /** V of what the segment led to. */
  #after(segment: Segment): number {
    if (segment.terminated) return 0;
    const next = this.normalized(segment.layout.input.tensor([segment.next!]));
    return noGrad(() => this.#evaluate(next, segment.memoryAfterTensor()).values.item());
  }

  /** π̄, which remembers what the policy remembered when it acted. */
  #averaged(segment: Segment, x: Tensor): Distribution {
    const average = this.average.network as ActorQModel;
    if (!isRecurrentModel(average)) return average.policyOf(x);
    const { distribution } = average.unroll(x.unsqueeze(1), this.onDevice(segment.memoryTensor()));
    return distribution.withParameters(distribution.parameters.map((each) => each.squeeze(1)));
  }

  #loss(segment: Segment, x: Tensor, output: ActorQValues, isOnPolicy: boolean): Tensor {
    const { gamma, truncation, useOpc, policyCoefficient, qCoefficient, normalizeBySteps } = this.options;
    const { distribution, values } = output;
    const actions = this.onDevice(segment.actionTensor());
    const acted = isOnPolicy ? undefined : this.#acted(segment, distribution);
    const logs = distribution.logProbability(actions);
    const ratios = acted ? logs.detach().sub(acted.logProbability(actions)).exp() : logs.detach().mul(0).add(1);
    const q = output.q(actions);
    const numbers = (of: Tensor) => of.detach().contiguous().data() as Float32Array;
    const isDiscrete = distribution.kind === 'discrete';
    const { ret, opc } = retrace({
      rewards: segment.rewards,
      q: numbers(q),
      v: numbers(values),
      ratios: numbers(ratios),
      after: this.#after(segment),
      gamma,
      dimensions: isDiscrete ? undefined : this.layout.output.width,
    });
    const column = (of: Float64Array) => this.onDevice(fromBytes(Float32Array.from(of), 'float32', [of.length]));
    const qRet = column(ret);
    const v = values.detach();
    const advantages = (useOpc ? column(opc) : qRet).sub(v);
    let losses = (acted ? ratios.clamp(null, truncation) : ratios).mul(logs).mul(advantages).neg();
    if (acted) losses = losses.add(this.#correction(output, acted, v));
    const ofPolicy = this.#constrained(distribution, () => this.#averaged(segment, x), losses);
    let ofQ = qRet.sub(q).square().mul(0.5);
    if (!isDiscrete) {
      const target = ratios.clamp(null, 1).mul(qRet.sub(q.detach())).add(v);
      ofQ = ofQ.add(target.sub(values).square().mul(0.5));
    }
    const loss = ofPolicy.sum().mul(policyCoefficient).add(ofQ.sum().mul(qCoefficient));
    return normalizeBySteps ? loss.div(segment.length) : loss;
  }

  /** What the actions were drawn from. */
  #acted(segment: Segment, like: Distribution): Distribution {
    return like.withParameters(segment.parameterTensors().map((each) => this.onDevice(each)));
  }

  #correction({ distribution, q, all }: ActorQValues, acted: Distribution, v: Tensor): Tensor {
    const { truncation } = this.options;
    if (all)
      return fullCorrection(
        distribution as Categorical,
        acted as Categorical,
        all.detach(),
        v.unsqueeze(-1),
        truncation,
      );
    const drawn = noGrad(() => distribution.sample(this.#learning));
    return sampledCorrection(
      distribution,
      acted,
      drawn,
      noGrad(() => q(drawn)),
      v,
      truncation,
    );
  }

  /** The policy's losses [L] within the trust region, and −β H outside of it. */
  #constrained(distribution: Distribution, averagedPolicy: () => Distribution, losses: Tensor): Tensor {
    const { trustRegion, entropyCoefficient } = this.options;
    const averaged = noGrad(averagedPolicy);
    this.#kl.add(noGrad(() => averaged.kl(distribution).mean().item()));
    const bounded = trustRegion === null ? losses : withinTrustRegion(distribution, averaged, losses, trustRegion);
    return bounded.sub(distribution.entropy().mul(entropyCoefficient));
  }

  statistics(): Record<string, number> {
    return {
      average_value: this.#value.value,
      average_entropy: this.#entropy.value,
      average_kl: this.#kl.value,
      updates: this.updates,
    };
  }

  protected override parts(): AgentParts {
    return {
      modules: { average: this.average.network },
      optimizers: { optimizer: this.optimizer },
      streams: { replay: this.#draws, learning: this.#learning },
    };
  }

  protected override further() {
    return {
      segments: { replay: this.replay.episodes },
      figures: [this.#entropy.value, this.#value.value, this.#kl.value],
    };
  }

  protected override loadFurther(segments: (name: string) => Segment[], figures: State): void {
    this.replay.episodes = segments('replay');
    [this.#entropy.value, this.#value.value, this.#kl.value] = figures as [number, number, number];
  }
}
