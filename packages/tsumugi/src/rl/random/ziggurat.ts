// The ziggurat of 256 layers (Marsaglia & Tsang 2000) with NumPy's tables: normal numbers from words of 64 bits.
import { exactExp, exactLog } from './exact-exponential.ts';
import type { Pcg64 } from './pcg64.ts';

/** Where the tail begins. */
const R = 3.6541528853610088;
const INVERSE_R = 0.27366123732975828;
/** Of each layer. */
const AREA = 0.004928673233974652;
/** A word has 52 bits for the place inside its layer. */
const SCALE = 2 ** 52;

/** The one exponential of NumPy's tables that is not the nearest number: the layers above follow from it. */
const OFF = { layer: 38, density: 0.6773880362187735 };

interface Tables {
  /** Below it a place lies in the layer for certain. */
  inside: Float64Array;
  /** Width of a layer, for one place. */
  width: Float64Array;
  /** The density at the right end of a layer, 1 in the middle. */
  density: Float64Array;
}

let made: Tables | undefined;

/** Rounds as IEEE 754 does: halves to the even number. */
function rounded(x: number): number {
  const below = Math.floor(x);
  if (x - below !== 0.5) return Math.round(x);
  return below % 2 === 0 ? below : below + 1;
}

function zigguratTables(): Tables {
  if (made) return made;
  const [inside, width, density] = [new Float64Array(256), new Float64Array(256), new Float64Array(256)];
  let right = R;
  width[255] = right / SCALE;
  density[255] = exactExp(-0.5 * right * right);
  // The lowest layer is a strip together with the tail.
  inside[0] = Math.floor(((right * density[255]!) / AREA) * SCALE);
  width[0] = AREA / density[255]! / SCALE;
  density[0] = 1;
  for (let i = 254; i > 0; i--) {
    const x = Math.sqrt(-2 * exactLog(AREA / right + density[i + 1]!));
    inside[i + 1] = rounded((x / right) * SCALE);
    width[i] = x / SCALE;
    density[i] = i === OFF.layer ? OFF.density : exactExp(-0.5 * x * x);
    right = x;
  }
  made = { inside, width, density };
  return made;
}

/** `random_standard_normal` of NumPy. @param uniform in [0, 1), from the same stream */
export function standardNormal(bits: Pcg64, uniform: () => number): number {
  const { inside, width, density } = zigguratTables();
  for (;;) {
    const word = bits.nextUint64();
    const layer = Number(word & 0xffn);
    const place = Number((word >> 9n) & 0xfffffffffffffn);
    const distance = place * width[layer]!;
    const x = (word >> 8n) & 1n ? -distance : distance;
    if (place < inside[layer]!) return x;
    if (layer === 0) {
      for (;;) {
        const beyond = -INVERSE_R * Math.log1p(-uniform());
        const height = -Math.log1p(-uniform());
        if (height + height > beyond * beyond) return Math.floor(place / 256) % 2 === 1 ? -(R + beyond) : R + beyond;
      }
    }
    const height = (density[layer - 1]! - density[layer]!) * uniform() + density[layer]!;
    if (height < Math.exp(-0.5 * x * x)) return x;
  }
}
