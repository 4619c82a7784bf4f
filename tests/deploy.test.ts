// The files in deploy/ agree with the server and with each other: options, ports, paths, users, metrics, what their pages say of them.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { runCli } from '../packages/tsumugi/src/cli/cli.testing.ts';
import { defaultLimits } from '../packages/tsumugi/src/serve/limits.ts';
import { Metrics } from '../packages/tsumugi/src/serve/metrics.ts';
import { routes } from '../packages/tsumugi/src/serve/routes.ts';
import { readPage, root } from './snippets.testing.ts';

const read = (path: string) => readFileSync(`${root}deploy/${path}`, 'utf8');
const page = readPage('deploy.md');
const helpOf = async (command: string) => (await runCli([command, '--help'])).stdout;
const help = await helpOf('serve');

const dockerfile = read('Dockerfile').replaceAll('\\\n', ' ');
const unit = read('tsumugi.service');
const service = parse(read('compose.yaml')).services.tsumugi;
const [deployment, kubernetesService, budget] = parseAllDocuments(read('kubernetes.yaml')).map((each) => each.toJS());
const pod = deployment.spec.template.spec;
const [container] = pod.containers;

/** The words of an instruction in its JSON form. */
const instruction = (name: string): string[] =>
  JSON.parse(new RegExp(`^${name} (\\[.*\\])$`, 'm').exec(dockerfile)![1]!);
const entrypoint = instruction('ENTRYPOINT');
const execStart = /^ExecStart=(.*)$/m.exec(unit)![1]!.split(' ');
/** What follows an option. */
const wordAfter = (words: readonly string[], option: string) => words[words.indexOf(option) + 1];

describe('options', () => {
  it.each([
    ['the image', entrypoint],
    ['the unit', execStart],
    ['the compose file', service.command],
    ['the deployment', container.args],
  ])('of %s are those of tsumugi serve', (_name, words: string[]) => {
    const options = words.filter((word) => word.startsWith('--') && word !== '--');
    expect(options.length).toBeGreaterThan(0);
    for (const option of options) expect(help).toMatch(new RegExp(`^ +${option} `, 'm'));
  });

  it('are given where an address needs them: a key wherever the server is reached from elsewhere', () => {
    expect(wordAfter(entrypoint, '--host')).toBe('0.0.0.0');
    expect(entrypoint).toContain('--api-key-file');
    expect(wordAfter(execStart, '--host')).toBe('127.0.0.1');
    expect(service.ports).toEqual(['127.0.0.1:8000:8000']);
  });

  it('of the page exist', async () => {
    const named = new Set([...page.matchAll(/`(--[a-z-]+)[ \d`]/g)].map(([, option]) => option!));
    const others = ['--trust-remote-code', '--generation-config', '--api-key', '--parallel', '--build-arg'];
    for (const option of named) if (!others.includes(option)) expect(help, option).toContain(`${option} `);
    for (const line of page.matchAll(/^npx tsumugi (\w+) (.*)$/gm)) {
      const words = await helpOf(line[1]!);
      for (const [option] of line[2]!.matchAll(/--[a-z-]+/g)) expect(words, line[0]).toContain(`${option} `);
    }
  });
});

describe('ports and paths', () => {
  it('are the same everywhere', () => {
    const port = '8000';
    expect(help).toMatch(/--port .*8000/s);
    expect(wordAfter(entrypoint, '--port')).toBe(port);
    expect(wordAfter(execStart, '--port')).toBe(port);
    expect(dockerfile).toContain(`EXPOSE ${port}`);
    expect(container.ports).toEqual([{ name: 'http', containerPort: Number(port) }]);
    expect(kubernetesService.spec.ports[0]).toMatchObject({ port: Number(port), targetPort: 'http' });
    expect(read('nginx.conf')).toContain(`server 127.0.0.1:${port} `);
    expect(read('Caddyfile')).toContain(`reverse_proxy 127.0.0.1:${port} {`);
    expect(parse(read('prometheus/prometheus.yaml')).scrape_configs[0].static_configs[0].targets).toEqual([
      `127.0.0.1:${port}`,
    ]);
  });

  it('of health and metrics are routes, the one without a key', () => {
    const open = routes.filter((each) => each.open).map(({ path }) => path);
    expect(open).toContain('/health');
    expect(instruction('HEALTHCHECK .*CMD').join(' ')).toContain(`http://127.0.0.1:8000/health'`);
    for (const probe of ['startupProbe', 'readinessProbe']) expect(container[probe].httpGet.path).toBe('/health');
    expect(container.livenessProbe.tcpSocket).toEqual({ port: 'http' });
    expect(read('Caddyfile')).toContain('health_uri /health');
    expect(routes.map(({ path }) => path)).toContain('/metrics');
    expect(parse(read('prometheus/service-monitor.yaml')).spec.endpoints[0].path).toBe('/metrics');
  });

  it('of key, models and state are where they are mounted', () => {
    const key = wordAfter(entrypoint, '--api-key-file')!;
    expect(key).toBe('/run/secrets/api-key');
    expect(service.secrets).toEqual(['api-key']);
    const mounts = Object.fromEntries(
      container.volumeMounts.map(({ name, mountPath }: { name: string; mountPath: string }) => [name, mountPath]),
    );
    expect(mounts).toEqual({ key, models: '/models', state: '/var/lib/tsumugi', temporary: '/tmp' });
    expect(pod.volumes.map(({ name }: { name: string }) => name).sort()).toEqual(Object.keys(mounts).sort());
    expect(service.volumes).toEqual(['../models:/models:ro', 'state:/var/lib/tsumugi']);
    for (const words of [service.command, container.args]) expect(wordAfter(words, '--model')).toMatch(/^\/models\//);
    expect(dockerfile).toMatch(/VOLUME \/var\/lib\/tsumugi/);
    expect(execStart.slice(0, 3)).toEqual([
      '/usr/bin/node',
      '/opt/tsumugi/node_modules/tsumugi/bin/tsumugi.js',
      'serve',
    ]);
    expect(entrypoint.slice(2, 5)).toEqual(['node', '/opt/tsumugi/node_modules/tsumugi/bin/tsumugi.js', 'serve']);
  });

  it('of what the image copies exist in the checkout, and the user is the same', () => {
    expect(dockerfile).toContain('scripts/pack.mjs');
    expect(dockerfile).toContain('USER 10001:10001');
    expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 10001, fsGroup: 10001 });
  });
});

describe('times', () => {
  it('are long enough for the drain', () => {
    const drain = Number(/--drain-seconds .*?\(default (\d+)\)/s.exec(help)![1]);
    const stop = Number(wordAfter(container.lifecycle.preStop.exec.command, 'sleep'));
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(drain + stop);
    expect(Number.parseInt(service.stop_grace_period, 10)).toBeGreaterThan(drain);
    expect(Number(/^TimeoutStopSec=(\d+)$/m.exec(unit)![1])).toBeGreaterThan(drain);
    expect(unit).toContain('KillSignal=SIGTERM');
    expect(dockerfile).toContain('STOPSIGNAL SIGTERM');
  });

  it('and sizes of the proxy are those of the server', () => {
    expect(read('nginx.conf')).toContain(`client_max_body_size ${defaultLimits.bodyBytes >> 20}m;`);
    expect(read('nginx.conf')).toContain(`proxy_read_timeout ${defaultLimits.requestSeconds}s;`);
    expect(page).toContain(`(${defaultLimits.bodyBytes >> 20} MiB)`);
  });
});

describe('who may do what', () => {
  const lines = (text: string) => text.split('\n').map((line) => line.trim());

  it('is little: the unit, the containers and the pod write only where they must, and gain nothing', () => {
    for (const line of [
      ...[
        'DynamicUser=yes',
        'NoNewPrivileges=yes',
        'CapabilityBoundingSet=',
        'ProtectSystem=strict',
        'ProtectHome=yes',
      ],
      ...[
        'PrivateDevices=yes',
        'PrivateTmp=yes',
        'RestrictNamespaces=yes',
        'IPAddressDeny=any',
        'IPAddressAllow=localhost',
      ],
      ...['SystemCallFilter=@system-service', 'SystemCallFilter=~@privileged', 'LimitCORE=0', 'UMask=0077'],
    ])
      expect(lines(unit), line).toContain(line);
    expect(service).toMatchObject({
      ...{ read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'], tmpfs: ['/tmp'] },
      ...{ pids_limit: expect.any(Number), mem_limit: expect.any(String) },
    });
    expect(container.securityContext).toEqual({
      ...{ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true },
      capabilities: { drop: ['ALL'] },
    });
    expect(pod).toMatchObject({
      automountServiceAccountToken: false,
      securityContext: { seccompProfile: { type: 'RuntimeDefault' } },
    });
    for (const { name, readOnly } of container.volumeMounts)
      if (['models', 'key'].includes(name)) expect(readOnly, name).toBe(true);
  });

  it('leaves keys and models out of the image', () => {
    const left = lines(read('Dockerfile.dockerignore'));
    for (const name of ['api-key', 'models', '.git', '**/node_modules']) expect(left).toContain(name);
  });

  it('shows numbers to whoever has the key, and nobody through a proxy', () => {
    expect(read('nginx.conf')).toMatch(/location = \/metrics \{\s+return 404;/);
    expect(read('Caddyfile')).toContain('respond /metrics 404');
    expect(parse(read('prometheus/prometheus.yaml')).scrape_configs[0].authorization).toEqual({
      credentials_file: '/etc/tsumugi/api-key',
    });
    const [endpoint] = parse(read('prometheus/service-monitor.yaml')).spec.endpoints;
    expect(endpoint.authorization).toMatchObject({ type: 'Bearer', credentials: { key: 'api-key' } });
  });
});

describe('a proxy', () => {
  it('sends every token on as it comes', () => {
    expect(read('nginx.conf')).toMatch(/^ +proxy_buffering off;$/m);
    expect(read('Caddyfile')).toMatch(/^\s+flush_interval -1$/m);
  });

  it('asks the next server only where the first has not begun: no answer is written twice', () => {
    const [, when] = /proxy_next_upstream (.*);/.exec(read('nginx.conf'))!;
    expect(when!.split(' ').sort()).toEqual(['error', 'http_429', 'http_503', 'non_idempotent']); // both come before any work
  });
});

describe('a rolling restart', () => {
  it('of Kubernetes has a new server ready before an old one goes, and one is always left', () => {
    expect(deployment.spec.strategy.rollingUpdate).toEqual({ maxSurge: 1, maxUnavailable: 0 });
    expect(deployment.spec.replicas).toBeGreaterThan(budget.spec.minAvailable);
    for (const selector of [deployment.spec.selector.matchLabels, kubernetesService.spec.selector])
      expect(deployment.spec.template.metadata.labels).toMatchObject(selector);
  });
});

describe('alerts', () => {
  const rules: { alert: string; expr: string }[] = parse(read('prometheus/alerts.yaml')).groups[0].rules;

  it('use metrics that the server has', async () => {
    const known = new Set((await new Metrics(['m']).registry.getMetricsAsJSON()).map(({ name }) => name));
    for (const { alert, expr } of rules) {
      const names = [...expr.matchAll(/(?:vllm|tsumugi):\w+/g)].map(([name]) => name.replace(/_bucket$/, ''));
      if (alert !== 'TsumugiDown') expect(names, alert).not.toEqual([]);
      for (const name of names) expect(known.has(name), `${alert}: ${name}`).toBe(true);
    }
  });

  it('are those of the page', () => {
    const rows = [...page.matchAll(/^\| `(Tsumugi\w+)` \|/gm)].map(([, name]) => name);
    expect(rows).toEqual(rules.map(({ alert }) => alert));
  });
});

it('the variables that are set are known, and the page links to files that exist', () => {
  const known = readPage('environment.md');
  const set = [...dockerfile.matchAll(/\b([A-Z][A-Z_]{3,})=/g), ...unit.matchAll(/^Environment=(\w+)=/gm)];
  for (const [, name] of set)
    if (!['NODE_IMAGE', 'NODE_ENV'].includes(name!)) expect(known, name).toContain(`\`${name}\``);
  for (const { name } of container.env) expect(known).toContain(`\`${name}\``);
  for (const [, file] of page.matchAll(/\]\(\.\.\/deploy\/([\w./-]+)\)/g)) {
    if (!file!.endsWith('prometheus')) expect(read(file!).length).toBeGreaterThan(100);
  }
});
