// What a step asks of its gradients, where ranks hold parts of them only: norms, which parameters have one, what is not finite.
import { type Mesh, reduceNumbers, type StepExchange, solo } from '../mesh/index.ts';
import { countNotFinite, type Diagnosis, diagnose, type Module, namedTrainable } from '../nn/index.ts';
import { globalNorm, gradNorm } from '../optim/index.ts';
import { scope, type Tensor } from '../torch/index.ts';

export class SharedGradients {
  readonly #mesh: Mesh;
  /** Parts of parameters, by parameter; undefined where gradients are whole. */
  readonly #partOf: ReadonlyMap<Tensor, Tensor> | undefined;

  constructor(exchange: StepExchange | undefined, mesh: Mesh = solo) {
    this.#mesh = mesh;
    if (exchange?.pieces && !exchange.hasWholeGradients)
      this.#partOf = new Map(exchange.pieces.map(({ parameter, values }) => [parameter, values]));
  }

  /** The 2-norm of the gradients of each list of parameters. All ranks ask alike. */
  norms(lists: readonly (readonly Tensor[])[]): number[] {
    const partOf = this.#partOf;
    if (!partOf) return lists.map(gradNorm);
    const own = scope(() =>
      lists.map((list) => {
        const gradients = list.flatMap((parameter) => partOf.get(parameter)?.grad ?? []);
        return globalNorm(gradients.filter((gradient) => gradient.numel() > 0));
      }),
    );
    const squares = own.map((norm) => norm ** 2);
    return reduceNumbers(this.#mesh, squares).map(Math.sqrt);
  }

  norm(parameters: readonly Tensor[]): number {
    return this.norms([parameters])[0]!;
  }

  has(parameter: Tensor): boolean {
    return scope(() => (this.#partOf?.get(parameter) ?? parameter).grad !== undefined);
  }

  /** Which weights and gradients are not finite. All ranks ask alike. */
  diagnose(model: Module): Diagnosis {
    const partOf = this.#partOf;
    if (!partOf) return diagnose(model);
    const looked = (['weight', 'gradient'] as const).flatMap((kind) =>
      namedTrainable(model).map(([name, parameter]) => {
        const found = scope(() => {
          const part = partOf.get(parameter)!;
          const tensor = kind === 'weight' ? part : part.grad;
          return tensor && countNotFinite(name, tensor);
        });
        return { kind, name, nan: found?.nan ?? 0, infinite: found?.infinite ?? 0 };
      }),
    );
    const counts = reduceNumbers(
      this.#mesh,
      looked.flatMap(({ nan, infinite }) => [nan, infinite]),
    );
    const culprits = looked.map(({ kind, name }, i) => ({
      kind,
      name,
      nan: counts[2 * i]!,
      infinite: counts[2 * i + 1]!,
    }));
    return { culprits: culprits.filter(({ nan, infinite }) => nan + infinite > 0) };
  }
}
