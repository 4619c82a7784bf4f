// Parts of one's own are tried before anything is trained: two images through networks, loss and penalty. What does not fit is
// refused by its name.
import { ConfigError, suggestion } from '../base/index.ts';
import { convert, Module, parameters } from '../nn/index.ts';
import { arange, type Device, enableGrad, Rng, rand, randn, scope, Tensor } from '../torch/index.ts';
import { discriminatorOptions, generatorOptions, type NetworkShape } from './make-networks.ts';
import type { Method } from './methods.ts';
import { type ChosenParts, type GanParts, type NetworkMaker, type PartName, partNames } from './parts.ts';
import type { Discriminator, ImageGenerator } from './types.ts';

const BATCH = 2;

/** The functions that a part of one's own has. */
const functions: Readonly<Record<PartName, readonly string[]>> = {
  generator: ['make'],
  discriminator: ['make'],
  loss: ['discriminator', 'generator'],
  penalty: ['compute'],
};

interface Setting {
  shape: NetworkShape;
  method: Method;
  device: Device;
}

/** @throws ConfigError naming the part that is not what training needs */
export function checkParts(own: GanParts, chosen: ChosenParts, { shape, method, device }: Setting): void {
  for (const [part, value] of Object.entries(own)) {
    if (!Object.hasOwn(functions, part))
      throw new ConfigError('unknown-part', `a GAN has no part "${part}"`, { remedy: suggestion(part, partNames) });
    if (value !== undefined) checkForm(part as PartName, value);
  }
  if (Object.values(own).every((part) => part === undefined)) return;
  const [forG, forD] = [generatorOptions(shape, 0), discriminatorOptions(shape, method, 0)];
  const { channels, size, numClasses } = shape;
  scope(() =>
    enableGrad(() => {
      const random = new Rng(0);
      const images = rand([BATCH, channels, size, size], random).mul(2).sub(1).to(device);
      const labels = numClasses === null ? undefined : arange(0, BATCH).remainder(numClasses).to(device);
      if (own.generator) {
        const refuse = refusal('generator', own.generator);
        using G = tryMake(own.generator, { ...forG, rng: random }, device, refuse);
        checkGenerator(G, shape, refuse);
        const z = randn([BATCH, G.latentSize], random).to(device);
        const fakes = attempt(refuse, 'draw', () => G.forward(z, labels));
        requireOutput(fakes, images.shape, refuse, 'draws', 'images');
      }
      if (own.discriminator) {
        const refuse = refusal('discriminator', own.discriminator);
        using D = tryMake(own.discriminator, { ...forD, rng: random }, device, refuse);
        checkShape(D, shape, refuse);
        const logits = attempt(refuse, 'judge images', () => D.forward(images, labels));
        requireOutput(logits, [BATCH], refuse, 'gives', 'logits, one for each image');
      }
      if (own.loss) {
        const { loss } = own;
        const refuse = refusal('loss', loss);
        const logits = () => randn([BATCH], random).to(device).requiresGrad_();
        const ofD = attempt(refuse, 'be computed', () => loss.discriminator(logits(), logits()));
        requireOutput(ofD, [], refuse, 'gives the discriminator', 'a scalar');
        const ofG = attempt(refuse, 'be computed', () => loss.generator(logits()));
        requireOutput(ofG, [], refuse, 'gives the generator', 'a scalar');
      }
      if (own.penalty) {
        const { penalty } = own;
        const refuse = refusal('penalty', penalty);
        using D = convert(chosen.discriminator.make({ ...forD, rng: random }), device).eval() as Discriminator;
        const input = { discriminator: D, real: images, fake: images.flip([3]), labels, rng: random };
        const value = attempt(refuse, 'be computed', () => penalty.compute(input));
        // It may be a constant: one that is taken at some updates alone is 0 at the others.
        requireOutput(value, [], refuse, 'gives', 'a scalar', false);
      }
    }),
  );
}

type Refuse = (problem: string, remedy: string, cause?: unknown) => ConfigError;

const refusal =
  (part: PartName, { name }: { name: string }): Refuse =>
  (problem, remedy, cause) =>
    new ConfigError('wrong-part', `the ${part} "${name}" ${problem}`, { remedy, fields: { part, name }, cause });

/** @throws ConfigError when a part has no name, or lacks a function */
export function checkForm(part: PartName, value: unknown): void {
  const keys = functions[part];
  const found = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
  const isNamed = typeof found['name'] === 'string' && found['name'] !== '';
  if (isNamed && keys.every((key) => typeof found[key] === 'function')) return;
  const got = found === value ? `{ ${Object.keys(found).join(', ')} }` : typeof value;
  throw new ConfigError('wrong-part', `${part}: expected { name, ${keys.join(', ')} }, got ${got}`, {
    remedy: 'Give it a name, which the record of the run will have, and its functions: see docs/gan.md.',
    fields: { part },
  });
}

/** Runs a part's own code, whose errors are its own. */
function attempt<T>(refuse: Refuse, what: string, code: () => T): T {
  try {
    return code();
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const message = (error instanceof Error ? error.message : String(error)).split('\n', 1)[0]!;
    throw refuse(`cannot ${what}: ${message}`, 'Mend its code, where the fault is.', error);
  }
}

/** A network in evaluation mode. */
function tryMake<Options, Network extends Module>(
  maker: NetworkMaker<Options, Network>,
  options: Options,
  device: Device,
  refuse: Refuse,
): Network {
  const [made, another] = [0, 1].map(() => attempt(refuse, 'be made', () => maker.make(options))) as [Network, Network];
  if (!(made instanceof Module))
    throw refuse('is no network: make(options) gives no Module', 'Return an object of a class that extends Module.');
  const isNew = made !== another;
  if (isNew) another.dispose();
  const isEmpty = parameters(made).length === 0;
  if (isNew && !isEmpty) return convert(made, device).eval() as Network;
  made.dispose();
  throw isEmpty
    ? refuse('has no parameters', 'Assign its layers to its fields: what stands there is trained and saved.')
    : refuse('is made once only', 'Let make(options) build a new network with every call: several are needed.');
}

/** @throws ConfigError when the network is for other images or classes */
function checkShape(network: ImageGenerator | Discriminator, shape: NetworkShape, refuse: Refuse): void {
  const { channels, size, numClasses } = shape;
  const [is, expected] = [[...(network.imageShape ?? [])], [channels, size, size]];
  if (is.join() !== expected.join())
    throw refuse(
      `is for images [${is.join(', ')}] (its imageShape), those of the data are [${expected.join(', ')}]`,
      'Build it from options.channels and options.size.',
    );
  if (network.numClasses !== numClasses)
    throw refuse(
      `has numClasses ${network.numClasses}, expected ${numClasses}`,
      'Build it from options.numClasses (null where there is none), or set conditional to what it is.',
    );
}

/** @throws ConfigError when the generator is for other images or classes, or has no noise to start from */
function checkGenerator(network: ImageGenerator, shape: NetworkShape, refuse: Refuse): void {
  checkShape(network, shape, refuse);
  if (!(Number.isInteger(network.latentSize) && network.latentSize >= 1))
    throw refuse(
      `has the latentSize ${network.latentSize}`,
      'Set latentSize to the numbers per image that it starts from.',
    );
}

function requireOutput(
  output: unknown,
  expected: readonly number[],
  refuse: Refuse,
  command: string,
  what: string,
  learns = true,
): void {
  const is = output instanceof Tensor ? `[${output.shape.join(', ')}]` : `a ${typeof output}`;
  const shape = `[${expected.join(', ')}]`;
  if (is !== shape) throw refuse(`${command} ${is} where ${what}, ${shape}, are expected`, `Let it give ${what}.`);
  if (learns && !(output as Tensor).requiresGrad)
    throw refuse(
      `${command} what no gradient goes through`,
      'Compute it from what it is given, without noGrad or detach.',
    );
}
