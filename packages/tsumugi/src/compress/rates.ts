// What forecasts reckon with. Our guesses for two cores; docs/results has what was measured.

/** Bytes that are read, computed with, hashed and written. */
export const bytesPerSecond = 600e6;
/** Products of a forward pass. */
export const flopsPerSecond = 100e9;
