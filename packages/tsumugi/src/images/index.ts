// Sets of images: where they come from, how they are decoded, cut and drawn.

export { type BatchOptions, type ImageBatch, ImageBatches } from './batches.ts';
export { type Film, type FilmFrame, requireFilmPath, writeFilm, writeFrames } from './film.ts';
export { type GridOptions, writeImageGrid } from './grid.ts';
export { holdOut } from './hold-out.ts';
export { type FolderOptions, openImageFolder } from './image-folder.ts';
export { defaultDataFolder, type ImageSet, imagesHash, type OpenOptions, padTo, type Split } from './image-set.ts';
export { imageSetNames, isFolder, openImages } from './open-images.ts';
export { dequantise, toBytes } from './pixels.ts';
export { openCifar10 } from './sets/cifar10.ts';
export { openFashionMnist } from './sets/fashion-mnist.ts';
export { type DataPackage, fetchPackage } from './sets/fetch-package.ts';
export { openMnist } from './sets/mnist.ts';
