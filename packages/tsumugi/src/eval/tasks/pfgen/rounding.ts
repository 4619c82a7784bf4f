// Rounding and summing as Python does them. The published results are rounded several times on their way, so anything else
// (`Math.round(x * 1e5) / 1e5`, a plain sum) would not always give the same digits.

/**
 * `x` rounded to `digits` decimals (0 … 99) by its exact binary value, ties to the even digit.
 *
 * `toFixed` decides by the exact value, too, and differs only for exact ties, where it takes the larger magnitude. A double
 * has a terminating expansion of `digits + 1` decimals exactly when 2^(digits + 1) · x is an integer; it is a tie when
 * the last of them is a 5.
 */
export function roundDecimal(x: number, digits: number): number {
  const rounded = x.toFixed(digits);
  if (!Number.isInteger(x * 2 ** (digits + 1))) return Number(rounded);
  const exact = x.toFixed(digits + 1);
  if (!exact.endsWith('5')) return Number(rounded);
  const towardsZero = exact.slice(0, digits === 0 ? -2 : -1);
  return Number(Number(towardsZero.at(-1)) % 2 === 0 ? towardsZero : rounded);
}

/**
 * The sum with Neumaier's compensation, as Python's `sum` adds floats since 3.12 (cpython, Python/bltinmodule.c): the error of
 * each addition is kept and added at the end. The published results were made with it: plain sums give another last digit
 * where a mean falls between two.
 */
export function sum(values: Iterable<number>): number {
  let [total, lost] = [0, 0];
  for (const value of values) {
    const next = total + value;
    lost += Math.abs(total) >= Math.abs(value) ? total - next + value : value - next + total;
    total = next;
  }
  return total + lost;
}

/** Mean and population standard deviation, both rounded. */
export function meanAndDeviation(values: readonly number[], digits: number): [mean: number, deviation: number] {
  const mean = sum(values) / values.length;
  const variance = sum(values.map((x) => (x - mean) * (x - mean))) / values.length;
  return [roundDecimal(mean, digits), roundDecimal(Math.sqrt(variance), digits)];
}
