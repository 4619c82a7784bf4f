export { type GrowPlan, growForecast, planGrow } from './forecast.ts';
export { type GrowOptions, type GrowResult, grow } from './grow.ts';
export { type GrowSettings, type GrowSettingsInput, growConfig } from './grow-config.ts';
export { grownConfig } from './target.ts';
