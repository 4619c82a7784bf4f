// Which of several processes this is.
import { expect, it } from 'vitest';
import { ConfigError } from '../base/index.ts';
import { thrown } from '../base/thrown.testing.ts';
import { placeOf } from './environment.ts';

const full = { WORLD_SIZE: '4', RANK: '3', LOCAL_RANK: '1', MASTER_ADDR: 'node-0', MASTER_PORT: '29500' };

it('is read from what launchers set', () => {
  expect(placeOf(full)).toEqual({
    rank: 3,
    world: 4,
    localWorld: 1,
    host: 'node-0',
    port: 29500,
    networkInterface: undefined,
    timeoutSeconds: 600,
  });
  expect(placeOf({ ...full, LOCAL_WORLD_SIZE: '2' })).toMatchObject({ localWorld: 2 });
  expect(placeOf({ ...full, GLOO_SOCKET_IFNAME: 'eth1', TSUMUGI_MESH_TIMEOUT: '5' })).toMatchObject({
    networkInterface: 'eth1',
    timeoutSeconds: 5,
  });
  // Empty is as good as not set.
  expect(placeOf({ ...full, GLOO_SOCKET_IFNAME: '', LOCAL_WORLD_SIZE: '', TSUMUGI_MESH_TIMEOUT: '' })).toEqual(
    placeOf(full),
  );
});

it('is alone without WORLD_SIZE, or with one of 1, whatever else is set', () => {
  for (const WORLD_SIZE of [undefined, '', '1']) expect(placeOf({ ...full, RANK: '0', WORLD_SIZE })).toBeUndefined();
});

it.each([
  ['RANK', undefined, 'RANK is not set, although WORLD_SIZE is 4'],
  ['RANK', '4', 'RANK should be a whole number from 0 to 3, it is "4"'],
  ['RANK', '-1', 'RANK should be a whole number from 0 to 3, it is "-1"'],
  ['WORLD_SIZE', 'two', 'WORLD_SIZE should be a whole number from 1 to 100000, it is "two"'],
  ['WORLD_SIZE', '0', 'WORLD_SIZE should be a whole number from 1 to 100000, it is "0"'],
  ['MASTER_ADDR', '', 'MASTER_ADDR is not set, although WORLD_SIZE is 4'],
  ['MASTER_PORT', '99999', 'MASTER_PORT should be a whole number from 1 to 65535, it is "99999"'],
  ['TSUMUGI_MESH_TIMEOUT', '0', 'TSUMUGI_MESH_TIMEOUT should be a whole number from 1 to 1000000, it is "0"'],
])('names %s when it is %o', (name, value, message) => {
  const error = thrown(ConfigError, () => placeOf({ ...full, [name]: value }));
  expect(error.fault).toBe(message);
  expect(error.message).toContain('tsumugi launch');
});

it('says how torchrun leaves the port to rank 0', () => {
  const error = thrown(ConfigError, () => placeOf({ ...full, TORCHELASTIC_USE_AGENT_STORE: 'True' }));
  expect(error.message).toMatch(/torchrun keeps MASTER_PORT.*\n.*TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1/);
  expect(placeOf({ ...full, TORCHELASTIC_USE_AGENT_STORE: 'False' })).toMatchObject({ rank: 3 });
});
