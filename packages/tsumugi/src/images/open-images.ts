// Data sets by name, as a command line or a configuration gives them.
import { ConfigError, checkOptions, suggestion } from '../base/index.ts';
import { type FolderOptions, folderOptions, openImageFolder } from './image-folder.ts';
import type { ImageSet } from './image-set.ts';
import { openCifar10 } from './sets/cifar10.ts';
import { openFashionMnist } from './sets/fashion-mnist.ts';
import { openMnist } from './sets/mnist.ts';

/** Name → how a split of it is opened at a size. */
const NAMED: Readonly<Record<string, (split: 'train' | 'test', options: FolderOptions) => Promise<ImageSet>>> = {
  'cifar-10': async (split, options) => {
    if (options.size === 32) return openCifar10(split, options);
    throw new ConfigError('image-size', `CIFAR-10 has images of 32×32, not of ${options.size}`, {
      remedy: 'Ask for size 32.',
      fields: { size: options.size },
    });
  },
  mnist: openMnist,
  'fashion-mnist': openFashionMnist,
};

/** The names of the data sets that are fetched. */
export const imageSetNames = Object.keys(NAMED);

/** Whether a name stands for a folder of images. */
export const isFolder = (name: string): boolean => name.startsWith('.') || name.includes('/');

/**
 * Opens a named data set, or, when `name` holds a `/` or begins with a `.`, a folder of images; a folder is not split: all of it
 * is given for either split.
 *
 * @throws ConfigError for an unknown name, or a size the set does not have
 */
export async function openImages(name: string, split: 'train' | 'test', options: FolderOptions): Promise<ImageSet> {
  checkOptions('openImages', options, folderOptions);
  if (isFolder(name)) return openImageFolder(name, options);
  const open = Object.hasOwn(NAMED, name) ? NAMED[name] : undefined;
  if (open) return open(split, options);
  throw new ConfigError('unknown-data', `there is no data set "${name}"`, {
    remedy: `${suggestion(name, imageSetNames)} A folder of your own images is given as a path: ./${name}`,
    fields: { name },
  });
}
