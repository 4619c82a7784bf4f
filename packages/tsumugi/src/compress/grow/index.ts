export { type GrowOptions, type GrowPlan, type GrowResult, grow, growForecast, planGrow } from './grow.ts';
export { type GrowSettings, type GrowSettingsInput, growConfig } from './grow-config.ts';
export { grownConfig } from './target.ts';
