// What an image classifier's folder says about it (config.json).
import { z } from 'zod';

export const CLASSIFIER_TYPE = 'tsumugi-image-classifier';

export const classifierConfigSchema = z.strictObject({
  model_type: z.literal(CLASSIFIER_TYPE),
  /** The data set's name, e.g. "CIFAR-10". */
  dataset: z.string(),
  channels: z.union([z.literal(1), z.literal(3)]),
  /** [height, width] */
  image_size: z.tuple([z.int().positive().max(2048), z.int().positive().max(2048)]),
  num_classes: z.int().min(2),
  /** Channels of each stage; the last is the number of features. */
  widths: z.array(z.int().positive()).min(1),
  /** Share of the test images it classified rightly after training. */
  test_accuracy: z.number(),
  test_images: z.int().positive(),
});

export type ClassifierConfig = z.infer<typeof classifierConfigSchema>;
