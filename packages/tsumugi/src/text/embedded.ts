// The text that comes with the repository: two public-domain novels by 夏目漱石 (see data/README.md).
import { fileURLToPath } from 'node:url';

/** The files of the embedded text: 吾輩は猫である and 坊っちゃん. */
export function embeddedText(): string[] {
  return ['wagahai-wa-neko-de-aru.txt', 'bocchan.txt'].map((name) =>
    fileURLToPath(new URL(`../../../../data/${name}`, import.meta.url)),
  );
}
