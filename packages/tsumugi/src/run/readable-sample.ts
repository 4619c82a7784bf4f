// A model may write bytes that are no character, and a decoder reads U+FFFD there. In a sample, which a person is shown to see what a model
// writes, they are left out, and how many there were is said. What is read by programs keeps them.

const broken = /\ufffd/g;

/** A text without what stands for broken bytes, and how much of that there was. */
export function wholeCharacters(text: string): { text: string; leftOut: number } {
  const whole = text.replace(broken, '');
  return { text: whole, leftOut: text.length - whole.length };
}

/** Behind a sample; nothing where nothing was left out. */
export const leftOutNote = (leftOut: number): string =>
  leftOut === 0
    ? ''
    : ` [left out: ${leftOut === 1 ? '1 place' : `${leftOut} places`} with bytes that are no character]`;

/** A sample as a person is shown it. */
export function readableSample(text: string): string {
  const { text: whole, leftOut } = wholeCharacters(text);
  return whole + leftOutNote(leftOut);
}
