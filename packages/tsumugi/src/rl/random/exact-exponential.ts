// Exponential and logarithm to the nearest float64, in fixed point. Math.exp and Math.log may be a last place off, differently
// from engine to engine; tables that are built by repeating them would drift.

/** Binary places behind the point. */
const PLACES = 160n;
const ONE = 1n << PLACES;

/** Of a float64 that is 0 or at least 2^-20 in size: exact. */
const fixed = (x: number): bigint => BigInt(x * 2 ** 80) << (PLACES - 80n);

/** Rounds to nearest, as the conversion of a BigInt does; the division by a power of two is exact. */
const float = (x: bigint): number => Number(x) / 2 ** Number(PLACES);

/** e^(x / 2^8) by its series, then squared eight times. */
function exponential(x: bigint): bigint {
  const small = x >> 8n;
  let [term, sum] = [ONE, ONE];
  for (let n = 1n; n < 24n; n++) {
    term = (term * small) / (n * ONE);
    sum += term;
  }
  for (let i = 0; i < 8; i++) sum = (sum * sum) >> PLACES;
  return sum;
}

/** @param x from −8 to 0 */
export const exactExp = (x: number): number => float(exponential(fixed(x)));

/** One step of Halley's from what Math.log says. @param x from 2^-12 to 1 */
export function exactLog(x: number): number {
  const near = fixed(Math.log(x));
  const [wanted, come] = [fixed(x), exponential(near)];
  return float(near + (2n * (wanted - come) * ONE) / (wanted + come));
}
