import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dataFolder, dataPaths } from '../../src/platform/paths.js';

const linux = { home: '/home/ada', platform: 'linux' as const };

test('--data is stronger than X_DATA, and that than XDG', () => {
  const env = { X_DATA: '/env', XDG_DATA_HOME: '/xdg' };
  assert.equal(dataFolder({ ...linux, env, override: '/flag' }), '/flag');
  assert.equal(dataFolder({ ...linux, env }), '/env');
  assert.equal(dataFolder({ ...linux, env: { XDG_DATA_HOME: '/xdg' } }), '/xdg/x');
  assert.equal(dataFolder({ ...linux, env: {} }), '/home/ada/.local/share/x');
});

test('an empty variable is no variable, and a relative XDG path is ignored', () => {
  const env = { X_DATA: '', XDG_DATA_HOME: 'relative' };
  assert.equal(dataFolder({ ...linux, env }), '/home/ada/.local/share/x');
});

test('a relative --data is made absolute', () => {
  assert.equal(dataFolder({ ...linux, env: {}, override: 'here' }), `${process.cwd()}/here`);
});

test('other platforms keep data where theirs goes', () => {
  const mac = dataFolder({ env: {}, home: '/Users/ada', platform: 'darwin' });
  assert.equal(mac, '/Users/ada/Library/Application Support/x');
  const windows = dataFolder({ env: { LOCALAPPDATA: '/l' }, home: '/u', platform: 'win32' });
  assert.equal(windows, '/l/x');
});

test('everything lies below the data folder', () => {
  for (const path of Object.values(dataPaths('/d'))) assert.match(path, /^\/d\/[a-z.]+$/);
});
