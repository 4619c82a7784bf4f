// The model that is quantized, read tensor by tensor: nothing of its file stays in memory.
import { type Plamo2Config, readModelConfig, requireDense, tensorShapes } from '../../lm/index.ts';
import { Artefact, type JsonObject, type Safetensors } from '../../store/index.ts';
import { type DType, numElements, scope, type Tensor } from '../../torch/index.ts';

export class SourceModel implements Disposable {
  readonly artefact: Artefact;
  readonly json: JsonObject;
  readonly config: Plamo2Config;
  readonly weights: Safetensors;

  /** @throws DataError, ConfigError, CheckpointError as `loadModel`, UserError for a model that is quantized already */
  constructor(folder: string) {
    requireDense(folder, 'quantized again');
    this.artefact = new Artefact(folder);
    this.json = this.artefact.config();
    this.config = readModelConfig(this.artefact);
    this.weights = this.artefact.weights();
    for (const [name] of tensorShapes(this.config)) this.weights.info(name);
  }

  /** The type of a tensor. */
  readonly typeOf = (name: string): DType => this.weights.info(name).dtype;

  /** Bytes of all weights. */
  get sourceBytes(): number {
    return this.weights.names.reduce((sum, name) => sum + this.weights.info(name).bytes, 0);
  }

  /** A tensor in float32: a copy. */
  read(name: string): Tensor {
    const { shape } = this.weights.info(name);
    return scope(() => this.weights.elements(name, 0, numElements(shape)).to('float32').view(shape));
  }

  /** A tensor in float32: the file's own pages where it has that type. */
  shared(name: string): Tensor {
    return this.weights.info(name).dtype === 'float32' ? this.weights.tensor(name) : this.read(name);
  }

  [Symbol.dispose](): void {
    this.weights.close();
  }
}
