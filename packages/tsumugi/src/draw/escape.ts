// Text inside HTML and SVG.

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text as it may stand between tags and in quoted attributes; what XML cannot hold becomes U+FFFD. */
export function escapeText(text: string | number): string {
  return (
    String(text)
      .toWellFormed()
      // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it is about.
      .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '\ufffd')
      .replace(/[&<>"']/g, (character) => entities[character]!)
  );
}

/** A coordinate: two digits are enough for a pixel. */
export const px = (value: number): string => String(Math.round(value * 100) / 100);
