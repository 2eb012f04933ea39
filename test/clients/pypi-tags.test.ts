import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, test } from 'node:test';
import { parseTarget } from '../../src/domain/target.js';
import { pythonTarget } from '../../src/ecosystems/pypi/python-target.js';
import { newestPip, openPlanner, ownTarget, pipReport } from './pypi-pip.js';

const probe = await pipReport(['six']).catch((thrown: unknown) => String(thrown));
const skip =
  typeof probe === 'object' ? false : 'pip is not there, or no index of its configuration answers';
const planner = await openPlanner();
after(() => planner.upstream.close());

/**
 * Asks the `packaging` that a real pip carries for the tags of interpreters and systems that this
 * machine is not: what it would read off the system is given to it, its own code decides.
 */
const ORACLE = `
import json, sys
if sys.argv[1]: sys.path.insert(0, sys.argv[1])
from pip._vendor.packaging import tags, _manylinux, _musllinux
answers = {}
for case in json.load(sys.stdin):
    variables = case["variables"]
    tags._get_config_var = lambda name, warn=False: variables.get(name)
    tags.sysconfig.get_platform = lambda: case["platform"]
    glibc, musl = case["glibc"], case["musl"]
    _manylinux._get_glibc_version = lambda: tuple(glibc) if glibc else (-1, -1)
    _manylinux._have_compatible_abi = lambda *given: True
    _musllinux._get_musl_version = lambda *given: _musllinux._MuslVersion(*musl) if musl else None
    version = tuple(case["version"])
    if case["mac"]: platforms = list(tags.mac_platforms(tuple(case["mac"]), case["machine"]))
    elif case["glibc"] or case["musl"]: platforms = list(tags._linux_platforms(is_32bit=False))
    else: platforms = list(tags._generic_platforms())
    interpreter = case["interpreter"] + "".join(map(str, version))
    if case["interpreter"] == "cp": own = list(tags.cpython_tags(version, platforms=platforms))
    else: own = list(tags.generic_tags(interpreter=interpreter, platforms=platforms))
    own += tags.compatible_tags(version, interpreter=interpreter, platforms=platforms)
    answers[case["id"]] = list(dict.fromkeys(map(str, own)))
json.dump(answers, sys.stdout)
`;

interface System {
  spec: string;
  platform: string;
  machine: string;
  glibc?: [number, number];
  musl?: [number, number];
  mac?: [number, number];
}

const LINUX: readonly (readonly [string, string])[] = [
  ['amd64', 'x86_64'],
  ['i386', 'i686'],
  ['arm64', 'aarch64'],
  ['armhf', 'armv7l'],
  ['ppc64el', 'ppc64le'],
  ['s390x', 's390x'],
  ['riscv64', 'riscv64'],
];

const SYSTEMS: readonly System[] = [
  ...LINUX.flatMap(([arch, machine]): System[] => [
    ...[12, 28, 41].map((minor): System => ({
      spec: `linux/${arch}/glibc2.${minor}`,
      platform: `linux-${machine}`,
      machine,
      glibc: [2, minor],
    })),
    { spec: `linux/${arch}/musl1.2`, platform: `linux-${machine}`, machine, musl: [1, 2] },
    { spec: `linux/${arch}/musl1.1`, platform: `linux-${machine}`, machine, musl: [1, 1] },
  ]),
  ...['10.9', '10.15', '11', '12.3', '14', '15.1', '26'].flatMap((version): System[] =>
    ['amd64', 'arm64']
      .filter((arch) => arch === 'amd64' || !version.startsWith('10.'))
      .map((arch) => {
        const machine = arch === 'amd64' ? 'x86_64' : arch;
        const [major = 0, minor = 0] = version.split('.').map(Number);
        const spec = `macos${version}/${arch}`;
        return { spec, platform: `macosx-11.0-${machine}`, machine, mac: [major, minor] };
      }),
  ),
  { spec: 'windows/amd64', platform: 'win-amd64', machine: 'AMD64' },
  { spec: 'windows/arm64', platform: 'win-arm64', machine: 'ARM64' },
  { spec: 'windows/i386', platform: 'win32', machine: 'x86' },
];

const PYTHONS = ['3.7', '3.9', '3.12', '3.14'].map((version) => ({
  version,
  interpreter: 'cp',
  variables: { WITH_PYMALLOC: 1 },
}));
const THREADED = ['3.13', '3.15'].map((version) => ({
  version: `${version}t`,
  interpreter: 'cp',
  variables: { Py_GIL_DISABLED: 1 },
}));
const PYPY = ['3.9', '3.11'].map((version) => ({
  version: `pypy${version}`,
  interpreter: 'pp',
  variables: { EXT_SUFFIX: `.pypy${version.replace('.', '')}-pp73-any.so` },
}));

test(
  "wheel tags, in pip's order, for interpreters and systems of every kind",
  { skip },
  async (t) => {
    assert.ok(typeof probe === 'object');
    const pip = await newestPip(planner, await ownTarget(probe));
    const cases = SYSTEMS.flatMap((system) =>
      [...PYTHONS, ...THREADED, ...PYPY].map(({ version, interpreter, variables }) => ({
        id: `${system.spec},python=${version}`,
        interpreter,
        variables,
        version: version.replace(/[a-z]/g, '').split('.').map(Number),
        platform: system.platform,
        machine: system.machine,
        glibc: system.glibc ?? null,
        musl: system.musl ?? null,
        mac: system.mac ?? null,
      })),
    );
    const path = pip?.args[0]?.replace(/\/pip$/, '') ?? '';
    const output = execFileSync('python3', ['-c', ORACLE, path], {
      input: JSON.stringify(cases),
      maxBuffer: 256 << 20,
    });
    const answers = JSON.parse(output.toString()) as Record<string, string[]>;
    const different = Object.entries(answers).flatMap(([id, theirs]) => {
      const ours = [...pythonTarget(parseTarget(id)).tags.keys()];
      const at = theirs.findIndex((tag, position) => ours[position] !== tag);
      if (at < 0 && ours.length === theirs.length) return [];
      return [
        `${id}: ${at}: pip ${theirs[at] ?? 'ends'}, X ${ours[at < 0 ? theirs.length : at] ?? 'ends'}`,
      ];
    });
    t.diagnostic(`${pip?.title ?? 'pip'}: ${cases.length} interpreters on systems`);
    assert.deepEqual(different, []);
  },
);
