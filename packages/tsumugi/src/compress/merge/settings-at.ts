// What a parameter is for one tensor: one value, a gradient over the layers, or the first of several whose filter fits its name.
import type { MergeConfig, ParameterSetting, ParameterSettings } from './merge-config.ts';
import type { ParameterValue } from './methods/method.ts';

type Conditional = { value: number | boolean | number[]; filter?: string | undefined };

const isConditional = (setting: unknown): setting is Conditional =>
  typeof setting === 'object' && setting !== null && 'value' in setting;

/** Linear interpolation at t, 0 … 1, between values that are evenly spread. */
function gradient(values: readonly number[], t: number): number {
  const place = t * (values.length - 1);
  const before = Math.floor(place);
  const after = Math.min(values.length - 1, before + 1);
  const share = place - before;
  return (1 - share) * values[before]! + share * values[after]!;
}

export class SettingReader {
  readonly #used = new Set<Conditional>();

  /** The value on the first level that has one for this tensor; undefined when none has. */
  at(levels: readonly (ParameterSettings | null | undefined)[], name: string, tensor: string, t: number) {
    for (const level of levels) {
      const setting = level && Object.hasOwn(level, name) ? level[name]! : undefined;
      const value = setting === undefined ? undefined : this.#read(setting, tensor, t);
      if (value !== undefined) return value;
    }
    return undefined;
  }

  #read(setting: ParameterSetting, tensor: string, t: number): ParameterValue | undefined {
    if (isConditional(setting) || (Array.isArray(setting) && isConditional(setting[0]))) {
      const fits = ([setting].flat() as Conditional[]).find(
        ({ filter }) => filter === undefined || filter === '*' || tensor.includes(filter),
      );
      if (!fits) return undefined;
      this.#used.add(fits);
      return this.#read(fits.value, tensor, t);
    }
    return Array.isArray(setting) ? gradient(setting as number[], t) : (setting as ParameterValue);
  }

  /** The filters that chose no tensor. */
  unused(config: MergeConfig): string[] {
    const found: string[] = [];
    const visit = (part: unknown): void => {
      if (typeof part !== 'object' || part === null) return;
      if (isConditional(part) && typeof part.filter === 'string' && !this.#used.has(part)) found.push(part.filter);
      for (const inner of Object.values(part)) visit(inner);
    };
    visit(config);
    return [...new Set(found)];
  }
}
