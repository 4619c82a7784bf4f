// `npm test` has minutes, `npm run test:long` has hours: what a test does in each of them. Every file of tests that asks here, or takes
// a value over seeds, is run whole by the part `thorough` of `npm run test:long`.
export const thorough = process.env['TSUMUGI_LONG'] === '1';

/** `quick` in `npm test`, `long` in `npm run test:long`. */
export const inTime = <Quick, Long = Quick>(quick: Quick, long: Long): Quick | Long => (thorough ? long : quick);
