// What is read of a tfjs layers model (`model.json`, format "layers-model"): the layers and how they are connected, and
// which weights lie where. https://www.tensorflow.org/js/guide/save_load
import { z } from 'zod';

const pair = z.tuple([z.int(), z.int()]);

export const layerSchema = z.object({
  class_name: z.string(),
  config: z.object({
    name: z.string(),
    kernel_size: pair.optional(),
    strides: pair.optional(),
    padding: z.string().optional(),
    epsilon: z.number().optional(),
    batch_input_shape: z.array(z.int().nullable()).optional(),
  }),
  /** Of a layer that is used once: its inputs' names, each with three more entries. */
  inbound_nodes: z.array(z.array(z.tuple([z.string()], z.unknown()))),
});

const weightSchema = z.object({
  name: z.string(),
  shape: z.array(z.int().nonnegative()),
  dtype: z.string(),
  /** Stored integers q stand for q · scale + min. */
  quantization: z.object({ dtype: z.string(), scale: z.number(), min: z.number() }).optional(),
});

export const tfjsModelSchema = z.object({
  modelTopology: z.object({
    model_config: z.object({ config: z.object({ layers: z.array(layerSchema) }) }),
  }),
  weightsManifest: z.array(z.object({ paths: z.array(z.string()), weights: z.array(weightSchema) })),
});

export type TfjsLayer = z.infer<typeof layerSchema>;
export type TfjsWeight = z.infer<typeof weightSchema>;
export type TfjsModel = z.infer<typeof tfjsModelSchema>;
