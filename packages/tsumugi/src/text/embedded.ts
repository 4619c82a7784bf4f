// The text that comes with tsumugi: two public-domain novels by 夏目漱石 (see data/README.md).
import { ownFile } from '../base/index.ts';

/** The files of the embedded text: 吾輩は猫である and 坊っちゃん. */
export function embeddedText(): string[] {
  return ['wagahai-wa-neko-de-aru.txt', 'bocchan.txt'].map((name) => ownFile(`data/${name}`));
}
