// The environment variables that libraries read once, while they are loaded: chosen before the addon is.

/**
 * The variables to set before loading, leaving alone what the user has set; but what TSUMUGI_CPU asks for comes first.
 *
 * GOMP_SPINCOUNT: how long a thread that waits for the others spins before it sleeps. libgomp's default is 300,000
 * turns (16 ms): fine alone, but beside one other busy process the spinner holds the core that the thread it waits for
 * needs. 512³ products mixed with element-wise operations on 2 cores: default 1.1 ms alone, 3–56 ms beside 1–2 busy
 * processes; never spinning 1.4, 2.3 and 11 ms; 3,000 turns (0.16 ms) 1.1, 2.6 and 12 ms.
 *
 * TORCH_CPP_LOG_LEVEL: c10d writes a warning wherever a connection ends, besides the error that it throws, which says more.
 *
 * @param {NodeJS.ProcessEnv} env
 * @param {{ systemBlas: boolean, chosen: boolean, core: string | undefined, limits: Record<string, string> }} choice
 *   `limits` keep libraries to a lower CPU level than they would choose
 * @returns {Record<string, string>}
 */
export function loadEnvironment(env, { systemBlas, chosen, core, limits }) {
  /** @type {Record<string, string>} */
  const variables = { ...limits };
  if (systemBlas && core !== undefined) variables['OPENBLAS_CORETYPE'] = core;
  for (const [name, value] of Object.entries(variables))
    if (chosen ? env[name] === value : env[name]) delete variables[name];
  if (!env['OMP_WAIT_POLICY'] && !env['GOMP_SPINCOUNT']) variables['GOMP_SPINCOUNT'] = '3000';
  if (Number(env['WORLD_SIZE'] ?? 1) > 1 && !env['TORCH_CPP_LOG_LEVEL']) variables['TORCH_CPP_LOG_LEVEL'] = 'ERROR';
  return variables;
}
