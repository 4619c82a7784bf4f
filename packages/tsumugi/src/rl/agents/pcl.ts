// Path consistency learning (Nachum et al. 2017, arXiv 1702.08892), on policy and from replay. Along the best policy of
// entropy-regularized return, for every stretch of d steps:
//
//   C(t) = −V(s_t) + γ^d V(s_{t+d}) + Σ_{i<d} γ^i (r_{t+i} − τ log π(a_{t+i})) = 0,     d = min(steps left, rollout length)
//
//   L = c_π · 1/τ Σ_t ½ C(t)²   through log π alone   +   c_V Σ_t ½ C(t)²   through V alone
//
// both divided by the number of steps, as in ChainerRL; 1/τ makes the first independent of τ.
import { checkNumber, deriveSeed, RandomStream } from '../../base/index.ts';
import type { Optimizer } from '../../optim/index.ts';
import type { State } from '../../store/index.ts';
import { cat, noGrad, type Tensor, tensor, zeros } from '../../torch/index.ts';
import type { AgentParts } from './agent-state.ts';
import { type ByReturn, EpisodeReplay } from './episode-replay.ts';
import type { PolicyAgentOptions } from './policy-agent.ts';
import type { ActorCriticModel } from './policy-stepper.ts';
import { RunningAverage } from './running-average.ts';
import type { Segment } from './segment.ts';
import { evaluateSegment, newPiece, SegmentAgent, valueAfter } from './segment-agent.ts';
import { takeStep } from './take-step.ts';

export interface PCLCoefficients {
  gamma: number;
  /** Weight of the entropy in the return (τ). */
  tau: number;
  /** Longest stretch (d). */
  rolloutLength: number;
  /** c_π */
  policyCoefficient: number;
  /** c_V */
  valueCoefficient: number;
  /** Whether the gradient reaches V(s_{t+d}), too. */
  backpropFutureValues: boolean;
  /** Whether losses are divided by the number of steps. */
  normalizeBySteps: boolean;
}

export interface PCLOptions<M extends ActorCriticModel = ActorCriticModel>
  extends PolicyAgentOptions<M>,
    PCLCoefficients {
  optimizer: Optimizer;
  /** Longest segment; null: whole episodes. */
  maxSteps: number | null;
  /** Segments of an update. */
  batchSize: number;
  /** Updates from replay after each one on policy. */
  replayUpdates: number;
  /** Steps of replay, and how many there must be. */
  capacity: number;
  replayStart: number;
  /** Draws episodes of a higher return more often; null: all alike. */
  byReturn: ByReturn | null;
  /** Whether it learns on policy, too. */
  onlineUpdate: boolean;
  maxGradNorm: number | null;
}

/**
 * Of one segment.
 *
 * @param values V [L + 1], with that of what follows, 0 where nothing does
 * @param logProbability of what was done [L]
 * @param rewards [L]
 */
export function pclLoss(
  values: Tensor,
  logProbability: Tensor,
  rewards: readonly number[],
  settings: PCLCoefficients,
): Tensor {
  const { gamma, tau, rolloutLength, policyCoefficient, valueCoefficient } = settings;
  const steps = rewards.length;
  // C = M V + W (r − τ log π): M and W know where every stretch begins and ends.
  const ahead = new Float64Array(steps * (steps + 1));
  const weights = new Float64Array(steps * steps);
  for (let t = 0; t < steps; t++) {
    const d = Math.min(steps - t, rolloutLength);
    ahead[t * (steps + 1) + t + d] = gamma ** d;
    for (let i = 0; i < d; i++) weights[t * steps + t + i] = gamma ** i;
  }
  const matrix = (of: Float64Array, columns: number) =>
    tensor(of, { shape: [steps, columns], dtype: values.dtype, device: values.device });
  const [next, sums] = [matrix(ahead, steps + 1), matrix(weights, steps)];
  const r = tensor([...rewards], { dtype: values.dtype, device: values.device });
  const future = next.mv(settings.backpropFutureValues ? values : values.detach());
  const consistency = (future: Tensor, v: Tensor, log: Tensor) => future.sub(v).add(sums.mv(r.sub(log.mul(tau))));
  const first = values.narrow(0, 0, steps);
  const ofPolicy = consistency(future.detach(), first.detach(), logProbability);
  const ofValues = consistency(future, first, logProbability.detach());
  const half = (c: Tensor) =>
    c
      .square()
      .sum()
      .mul(0.5 / (settings.normalizeBySteps ? steps : 1));
  return half(ofPolicy)
    .mul(policyCoefficient / tau)
    .add(half(ofValues).mul(valueCoefficient));
}

export class PCL<M extends ActorCriticModel = ActorCriticModel> extends SegmentAgent<M> {
  readonly options: PCLOptions<M>;
  readonly optimizer: Optimizer;
  readonly replay: EpisodeReplay;
  readonly #draws: RandomStream;
  /** Segments that wait for the rest of their batch. */
  #waiting: Segment[] = [];
  readonly #loss = new RunningAverage(0.999);
  readonly #entropy = new RunningAverage(0.999);
  readonly #value = new RunningAverage(0.999);

  constructor(options: PCLOptions<M>) {
    super(options);
    for (const name of ['batchSize', 'rolloutLength', 'capacity', 'replayStart'] as const)
      checkNumber('PCL', name, options[name], { min: 1, whole: true });
    checkNumber('PCL', 'replayStart', options.replayStart, { max: options.capacity });
    checkNumber('PCL', 'replayUpdates', options.replayUpdates, { min: 0, whole: true });
    checkNumber('PCL', 'tau', options.tau, { above: 0 });
    this.options = options;
    this.optimizer = options.optimizer;
    this.#draws = new RandomStream(deriveSeed(options.seed, 'replay'));
    this.replay = new EpisodeReplay(options.capacity, this.#draws, options.byReturn ?? undefined);
  }

  protected override advanced(segment: Segment, isCut = false): boolean {
    const { maxSteps, batchSize, onlineUpdate, replayUpdates, replayStart } = this.options;
    if (segment.hasEnded) this.replay.add(segment);
    const piece = newPiece(segment, maxSteps ?? Infinity, isCut);
    if (!piece) return segment.hasEnded;
    this.#waiting.push(piece);
    if (this.#waiting.length < batchSize) return segment.hasEnded;
    if (onlineUpdate) this.#update(this.#waiting);
    this.#waiting = [];
    if (this.replay.hasEnough(replayStart))
      for (let update = 0; update < replayUpdates; update++)
        this.#update(this.replay.sampleEach(batchSize, maxSteps ?? Infinity));
    return segment.hasEnded;
  }

  #update(segments: readonly Segment[]): void {
    const losses = segments.map((segment) => this.#lossOf(segment));
    const loss = losses.reduce((sum, each) => sum.add(each)).div(losses.length);
    takeStep(this.optimizer, loss, this.options.maxGradNorm);
    this.#loss.add(loss.item());
    if (this.normalizer)
      for (const segment of segments)
        this.normalizer.experience(this.onDevice(segment.observationTensor()).to('float32'));
    this.updates++;
  }

  #lossOf(segment: Segment): Tensor {
    const x = this.normalized(this.onDevice(segment.observationTensor()));
    const { distribution, values } = evaluateSegment(this.model, segment, x);
    const after = valueAfter(this.model, segment, (next) => noGrad(() => this.normalized(next)));
    const all = cat([values, after ?? zeros([1], { dtype: values.dtype, device: values.device })], 0);
    this.#entropy.add(distribution.entropy().mean().item());
    this.#value.add(values.mean().item());
    const logProbability = distribution.logProbability(this.onDevice(segment.actionTensor()));
    return pclLoss(all, logProbability, segment.rewards, this.options);
  }

  statistics(): Record<string, number> {
    return {
      average_loss: this.#loss.value,
      average_value: this.#value.value,
      average_entropy: this.#entropy.value,
      updates: this.updates,
    };
  }

  protected override parts(): AgentParts {
    return { modules: {}, optimizers: { optimizer: this.optimizer }, streams: { replay: this.#draws } };
  }

  protected override further() {
    return {
      segments: { waiting: this.#waiting, replay: this.replay.episodes },
      figures: [this.#loss.value, this.#entropy.value, this.#value.value],
    };
  }

  protected override loadFurther(segments: (name: string) => Segment[], figures: State): void {
    this.#waiting = segments('waiting');
    this.replay.episodes = segments('replay');
    [this.#loss.value, this.#entropy.value, this.#value.value] = figures as [number, number, number];
  }
}
