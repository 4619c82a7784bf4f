// One line of the result: a quantity, ours, the peer's when there is one, and what it is held against.
import { type Summary, summarize } from './statistics.ts';

export interface Row {
  /** What was measured, e.g. "10-element add, plain". */
  name: string;
  unit: string;
  better: 'lower' | 'higher';
  ours: Summary;
  peer?: Summary | undefined;
  /** Our speed as a multiple of the peer's, from the medians and from the best samples; above 1 we are quicker. */
  speed?: { median: number; best: number } | undefined;
  /** Our median as a share of something measured in the same run. */
  share?: { of: string; value: number } | undefined;
  goal?: { text: string; met: boolean } | undefined;
}

export interface RowOptions {
  name: string;
  unit: string;
  better: 'lower' | 'higher';
  ours: readonly number[];
  peer?: readonly number[] | undefined;
  /** False for results whose ratio says nothing, such as differences. */
  comparable?: boolean;
  /** A peak in the row's unit. */
  peak?: { of: string; value: number } | undefined;
  /** The least that is wanted: of the speed ratio when there is a peer, of the share, or of the value itself. */
  goal?: { of: 'speed' | 'share' | 'value'; bound: number } | undefined;
}

/** Compares ours with the peer's samples and with a peak. A goal that cannot be judged (no peer) is left out. */
export function row(options: RowOptions): Row {
  const { name, unit, better, peak } = options;
  const ours = summarize(options.ours, better);
  const peer = options.peer && options.peer.length > 0 ? summarize(options.peer, better) : undefined;
  const compared = options.comparable === false ? undefined : peer;
  const speed = compared && {
    median: better === 'lower' ? compared.median / ours.median : ours.median / compared.median,
    best: better === 'lower' ? compared.best / ours.best : ours.best / compared.best,
  };
  const share = peak && { of: peak.of, value: ours.median / peak.value };
  return {
    name,
    unit,
    better,
    ours,
    peer,
    speed,
    share,
    goal: judge(options, ours.median, speed?.median, share?.value),
  };
}

function judge(options: RowOptions, value: number, speed: number | undefined, share: number | undefined): Row['goal'] {
  if (!options.goal) return undefined;
  const { of, bound } = options.goal;
  if (of === 'value') {
    const lower = options.better === 'lower';
    return { text: `${lower ? '≤' : '≥'} ${bound} ${options.unit}`, met: lower ? value <= bound : value >= bound };
  }
  const measured = of === 'speed' ? speed : share;
  if (measured === undefined) return undefined;
  return {
    text: of === 'speed' ? `≥ ${bound.toFixed(2)}×` : `≥ ${Math.round(100 * bound)} %`,
    met: measured >= bound,
  };
}
