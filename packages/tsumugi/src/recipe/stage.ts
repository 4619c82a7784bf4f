// A stage makes one artefact from settings and from other artefacts. `defineStage` defines what it does; a recipe has stages of that
// definition, each with a name, settings and inputs. An artefact has a kind, a word such as "tokenizer" that is also a type: a stage
// with an input of the wrong kind does not compile.
import type { z } from 'zod';
import { ConfigError, issueText } from '../base/index.ts';
import { type ProgressStream, toJson } from '../run/index.ts';
import type { Json } from '../store/index.ts';
import { checkInputs, checkSource, checkSpec } from './check-stage.ts';
import type { Origin } from './origin.ts';
import type { Heatmap, StageMetric, Table } from './results.ts';
import type { StageForecast } from './stage-forecast.ts';
import { withDefaults } from './with-defaults.ts';

/** Files or a folder from outside the recipe, told apart by their content. */
export interface Source<Kind extends string = string> {
  readonly from: 'outside';
  readonly kind: Kind;
  readonly paths: readonly string[];
  /** How they are to be read. Part of what tells one source from another. */
  readonly settings: Json;
}

/** A stage of a recipe, with its settings and inputs: one artefact. */
export interface RecipeStage<Kind extends string = string> {
  readonly from: 'stage';
  readonly kind: Kind;
  /** Unique in the recipe. By custom also the key of its settings, so that `--set <name>.<setting>` changes them. */
  readonly name: string;
  readonly definition: AnyDefinition;
  readonly config: Json;
  readonly inputs: Readonly<Record<string, Input | readonly Input[]>>;
}

/** What a stage may be given. */
export type Input<Kind extends string = string> = Source<Kind> | RecipeStage<Kind>;

/** Name → kind; a kind in brackets takes a list. */
export type InputKinds = Readonly<Record<string, string | readonly [string]>>;

export type InputsOf<K extends InputKinds> = {
  readonly [Name in keyof K]: K[Name] extends readonly [infer Kind extends string]
    ? readonly Input<Kind>[]
    : K[Name] extends string
      ? Input<K[Name]>
      : never;
};

/** An input as the `forecast` and `run` of a stage get it. */
export interface StageInput {
  /** The name of the stage that made it, or of the first file. */
  readonly name: string;
  /** Where it is: the artefact, or the first of the files. */
  readonly path: string;
  /** All the files, when it comes from outside; otherwise just `path`. */
  readonly paths: readonly string[];
  /** How what comes from outside is to be read; otherwise {}. */
  readonly settings: Json;
  /** Until it is made, those of the forecast of the stage that makes it. */
  readonly bytes: number;
  /** The metrics of the stage that makes it, or, until it is made, those of its forecast. Empty for what comes from outside. */
  readonly metrics: Readonly<Record<string, number>>;
  /** `about` of the forecast of the stage that makes it; undefined once it is made. */
  readonly about: Json | undefined;
  /** Where it comes from, itself or what it is made from; undefined where that is another kind. */
  readonly origin?: Origin | undefined;
}

type StageInputs<K extends InputKinds> = {
  readonly [Name in keyof K]: K[Name] extends readonly [string] ? readonly StageInput[] : StageInput;
};

export interface ForecastContext<K extends InputKinds, Config> {
  readonly config: Config;
  readonly inputs: StageInputs<K>;
}

export interface StageContext<K extends InputKinds, Config> extends ForecastContext<K, Config> {
  /** The artefact's folder, which exists. Whatever is made belongs in it. */
  readonly folder: string;
  /** The recipe's name, for lineage. */
  readonly recipe: string;
  /** True when an earlier attempt was cut off and left what it had in the folder. Only for stages that `resume`. */
  readonly resumed: boolean;
  /** For progress. */
  readonly stream: ProgressStream;
  /** In a dry run: where something tiny leaves nothing for the stages after it, something may stand in, said in a line. */
  readonly dryRun?: true;
}

/** What a stage did: the artefact is complete, or Ctrl-C stopped it after it had saved. */
export type StageOutcome =
  | { readonly interrupted: true }
  | {
      readonly interrupted?: false;
      readonly metrics: readonly StageMetric[];
      readonly tables?: readonly Table[];
      readonly heatmaps?: readonly Heatmap[];
    };

/** Name → version or hash. */
export type Uses = Readonly<Record<string, string | number>>;

export interface StageSpec<Kind extends string, K extends InputKinds, Schema extends z.ZodObject> {
  /** E.g. "pretrain". */
  readonly name: string;
  /** The version of its code: raised when the same config and inputs would give another artefact. */
  readonly version: number;
  /** The kind of its artefact. */
  readonly makes: Kind;
  readonly inputs: K;
  /** Its settings. Paths are none: the runner fills them in, and they do not tell artefacts apart. */
  readonly config: Schema;
  /** The folder inside the stage's folder that is the artefact. What lies beside it (events, checkpoints) is bookkeeping. */
  readonly output: string;
  /**
   * Whether it goes on from where it was cut off. Then it must also catch the first Ctrl-C, save, and return `interrupted`.
   * Any other stage starts again: it is ended at once, unless it catches the first Ctrl-C as well.
   */
  readonly resumes: boolean;
  /**
   * Checks that settings fit one another and the inputs. Called as soon as a recipe uses the stage, before anything is planned.
   *
   * @throws ConfigError naming the settings that do not fit
   */
  check?(config: z.output<Schema>, inputs: InputsOf<K>): void;
  forecast(context: ForecastContext<K, z.output<Schema>>): StageForecast | Promise<StageForecast>;
  /**
   * Looks at what comes from outside, as far as that can be done before the other inputs are made: called before the first stage of a
   * recipe runs, so that no stage refuses in the end what could have been told at the beginning.
   *
   * @throws DataError naming file, row and field
   */
  open?(context: ForecastContext<K, z.output<Schema>>): Promise<void>;
  run(context: StageContext<K, z.output<Schema>>): Promise<StageOutcome>;
  /** Other code and data that it uses with these settings, each with version or hash. Part of the address. */
  uses?(config: z.output<Schema>): Promise<Uses>;
  /**
   * The settings that are others in a dry run, so that it takes a moment: one step, a tiny shape. Without it `steps`, where there are
   * such, are 1.
   */
  dryRun?(config: z.output<Schema>): { readonly [Key in keyof z.input<Schema>]?: unknown };
}

export interface StageDefinition<Kind extends string, K extends InputKinds, Schema extends z.ZodObject>
  extends StageSpec<Kind, K, Schema> {
  /** Its settings for a recipe's `config`, with defaults of the recipe's own. */
  settings(defaults?: Parameters<typeof withDefaults<Schema>>[1]): z.ZodPrefault<Schema>;
  /** A stage of a recipe. @throws ConfigError naming the setting that is wrong */
  stage(name: string, config: z.input<Schema>, inputs: InputsOf<K>): RecipeStage<Kind>;
}

/** A definition without its types: what the runner works with. */
export interface AnyDefinition
  extends Omit<StageSpec<string, InputKinds, z.ZodObject>, 'check' | 'forecast' | 'open' | 'run' | 'uses' | 'dryRun'> {
  forecast(context: ForecastContext<never, never>): StageForecast | Promise<StageForecast>;
  open?(context: ForecastContext<never, never>): Promise<void>;
  run(context: StageContext<never, never>): Promise<StageOutcome>;
  uses?(config: never): Promise<Uses>;
  dryRun?(config: never): object;
}

/** Defines a stage; see `docs/recipes.md`. */
export function defineStage<const Kind extends string, const K extends InputKinds, Schema extends z.ZodObject>(
  spec: StageSpec<Kind, K, Schema>,
): StageDefinition<Kind, K, Schema> {
  checkSpec(spec);
  return {
    ...spec,
    settings: (defaults = {}) => withDefaults(spec.config, defaults),
    stage(name, config, inputs) {
      if (!/^[a-z0-9][a-z0-9-]*$/i.test(name))
        throw new ConfigError('bad-stage-name', `a stage cannot be called "${name}"`, {
          remedy: 'Use letters, digits and hyphens: it becomes the name of a folder.',
        });
      const parsed = spec.config.safeParse(config);
      if (!parsed.success) {
        const issue = parsed.error.issues[0]!;
        throw new ConfigError('bad-setting', `stage "${name}": ${issueText(issue, config)}`, {
          remedy: `Correct the settings that the recipe gives to ${spec.name}.`,
          fields: { stage: name, issues: parsed.error.issues },
        });
      }
      checkInputs(name, spec.inputs, inputs);
      try {
        spec.check?.(parsed.data, inputs);
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        const [message] = error.message.split('\n');
        throw new ConfigError(error.code, `stage "${name}": ${message}`, {
          ...(error.remedy !== undefined && { remedy: error.remedy }),
          fields: { stage: name, ...error.fields },
        });
      }
      return { from: 'stage', kind: spec.makes, name, definition: spec, config: toJson(parsed.data, name), inputs };
    },
  };
}

/**
 * Files, or folders of them, from outside, and how they are to be read: `given('text', ['my-texts/'], { encoding: 'euc-jp' })`,
 * `given('model', 'runs/first/model')`; a model or tokenizer also by its name on the Hugging Face Hub.
 */
export function given<const Kind extends string>(
  kind: Kind,
  paths: string | readonly string[],
  settings: Readonly<Record<string, unknown>> = {},
): Source<Kind> {
  checkSource(kind, paths, settings);
  return {
    from: 'outside',
    kind,
    paths: typeof paths === 'string' ? [paths] : paths,
    settings: toJson(settings, `how ${kind} is read`),
  };
}

/** The settings of a stage, parsed anew: the JSON in which a stage holds them has no defaults that are undefined. */
export const configOf = (stage: RecipeStage, changes: Readonly<Record<string, Json>> = {}): never =>
  stage.definition.config.parse({ ...(stage.config as object), ...changes }) as never;
