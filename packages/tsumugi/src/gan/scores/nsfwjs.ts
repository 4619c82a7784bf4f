// The InceptionV3 in npm nsfwjs 4.3.0 (MIT, 25 MB, fetched when it is first asked for): a declared substitute. It was
// fine-tuned on five content classes and quantised to 8 bits, so its features are not those of the original Inception.

import type { OpenOptions } from '../../images/index.ts';
import { type DataPackage, fetchPackage } from '../../images/index.ts';

const inModel = (name: string) => `dist/models/inception_v3/${name}.min.js`;

export const NSFWJS_PACKAGE: DataPackage = {
  name: 'nsfwjs',
  version: '4.3.0',
  size: 25_336_605,
  integrity: 'sha512-WTKDte0vp1X97N1h34P79G/hG+sVT3+TnDz9di1WseIJR93v11E4viNX7Vg9WsO6HYoR772Nzq2iM8jo3XBZ+g==',
  files: {
    [inModel('model')]: 177_909,
    ...Object.fromEntries([1, 2, 3, 4, 5].map((shard) => [inModel(`group1-shard${shard}of6`), 5_593_186])),
    [inModel('group1-shard6of6')]: 1_853_246,
  },
};

/** The folder to give to `inceptionExtractor` with kind "nsfwjs". @throws DataError when it cannot be fetched */
export const openNsfwjs = (options: OpenOptions = {}): Promise<string> => fetchPackage(NSFWJS_PACKAGE, options);
