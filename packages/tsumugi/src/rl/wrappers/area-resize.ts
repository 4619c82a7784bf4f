// Pictures made smaller by averaging over areas: what OpenCV calls INTER_AREA, which the published preprocessing uses.

/** For each pixel of the result along one axis: where its source pixels begin, and how much of it each one covers. */
interface Axis {
  starts: Int32Array;
  /** [size + 1]: the weights of pixel i are those from ends[i] to ends[i + 1]. */
  ends: Int32Array;
  weights: Float32Array;
}

/** Parts of a source pixel below this are left out, as OpenCV does. */
const LEAST = 1e-3;

function axisOf(from: number, to: number): Axis {
  const scale = from / to;
  const starts = new Int32Array(to);
  const ends = new Int32Array(to + 1);
  const weights: number[] = [];
  for (let i = 0; i < to; i++) {
    const begin = i * scale;
    const end = Math.min(begin + scale, from);
    let first = -1;
    for (let source = Math.floor(begin); source < end; source++) {
      const covered = Math.min(source + 1, end) - Math.max(source, begin);
      if (covered <= LEAST) continue;
      if (first < 0) first = source;
      weights.push(covered / (end - begin));
    }
    starts[i] = first;
    ends[i + 1] = weights.length;
  }
  return { starts, ends, weights: Float32Array.from(weights) };
}

/** Halves go to the even neighbour. */
function round(x: number): number {
  const below = Math.floor(x);
  const rest = x - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
}

/** Resizes pictures of one channel from one size to another. */
export class AreaResize {
  readonly #width: number;
  readonly #columns: Axis;
  readonly #rows: Axis;
  readonly #line: Float32Array;
  readonly #sums: Float32Array;

  constructor(from: { width: number; height: number }, to: { width: number; height: number }) {
    this.#width = from.width;
    this.#columns = axisOf(from.width, to.width);
    this.#rows = axisOf(from.height, to.height);
    this.#line = new Float32Array(to.width);
    this.#sums = new Float32Array(to.width);
  }

  /** @param picture [height, width] */
  resize(picture: Uint8Array): Uint8Array {
    const { starts, ends, weights } = this.#rows;
    const sums = this.#sums;
    const width = sums.length;
    const result = new Uint8Array(starts.length * width);
    for (let y = 0; y < starts.length; y++) {
      sums.fill(0);
      const from = ends[y]!;
      for (let i = from; i < ends[y + 1]!; i++) this.#add(picture, starts[y]! + i - from, weights[i]!);
      for (let x = 0; x < width; x++) result[y * width + x] = round(sums[x]!);
    }
    return result;
  }

  /** Adds a row of the source to the sums. */
  #add(picture: Uint8Array, row: number, weight: number): void {
    const { starts, ends, weights } = this.#columns;
    const line = this.#line;
    const sums = this.#sums;
    for (let x = 0; x < line.length; x++) {
      const from = ends[x]!;
      let source = row * this.#width + starts[x]!;
      let sum = 0;
      for (let i = from; i < ends[x + 1]!; i++) sum += picture[source++]! * weights[i]!;
      line[x] = sum;
    }
    for (let x = 0; x < line.length; x++) sums[x]! += weight * line[x]!;
  }
}
