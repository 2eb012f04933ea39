import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { homedir } from 'node:os';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import { XError } from '../../src/domain/errors.js';
import { parseTarget } from '../../src/domain/target.js';
import { createPypiSource } from '../../src/ecosystems/pypi/source.js';
import { createUpstream } from '../../src/upstream/open-upstream.js';
import { listFolder, readPipConfiguration } from '../../src/upstream/pypi-settings.js';

const run = promisify(execFile);

/** Each is planned by X and by the machine's own pip, and the answers compared file by file. */
const SETS: Readonly<Record<string, string>> = {
  'one package': 'six',
  'a web framework': 'flask',
  extras: 'uvicorn[standard]\nfastapi',
  'an older range': 'django>=4,<6\ndjango-environ; python_version < "3"',
  'http clients': 'requests\nhttpx[http2]\ncryptography',
  plotting: 'matplotlib',
  data: 'pandas\nscipy\nscikit-learn',
  'a pinned old numpy': 'numpy==1.26.4\npandas\nscipy',
  'a ceiling that moves others': 'pandas\nnumpy<2',
  notebooks: 'jupyterlab\nipywidgets',
  tooling: 'black\nflake8\nmypy\npytest\nsphinx',
  clouds: 'boto3\ngoogle-api-python-client\nbotocore',
  databases: 'sqlalchemy\nalembic\nasyncpg\nredis',
  'language models': 'openai\nanthropic\ngoogle-genai',
  'a dependency that no index has': 'celery',
  'a scientific and web stack':
    'numpy\nscipy\npandas\nmatplotlib\nscikit-learn\nseaborn\njupyterlab\nflask\ndjango\nfastapi\nuvicorn\nrequests\nboto3\nsqlalchemy\nstatsmodels\nsympy\nnetworkx\npillow',
};

interface Report {
  install: { download_info: { url: string }; metadata: { name: string; version: string } }[];
  environment: {
    python_full_version: string;
    implementation_name: string;
    platform_machine: string;
  };
}

/** What pip would install; undefined where it finds nothing that fits. */
async function pipReport(requirements: string): Promise<Report | undefined> {
  const args = ['install', '--dry-run', '--ignore-installed', '--quiet', '--retries', '0'];
  const asked = requirements.split('\n').map((line) => line.trim());
  try {
    const { stdout } = await run('pip', [...args, '--report', '-', ...asked], {
      maxBuffer: 256 << 20,
      timeout: 300_000,
    });
    return JSON.parse(stdout) as Report;
  } catch (thrown) {
    if (/ResolutionImpossible|No matching distribution|conflicting/.test(String(thrown)))
      return undefined;
    throw thrown;
  }
}

async function libcOf(): Promise<string> {
  const { stdout } = await run('getconf', ['GNU_LIBC_VERSION']);
  return stdout.trim().replace(' ', '');
}

const probe = await pipReport('six').catch((thrown: unknown) => String(thrown));
const skip =
  typeof probe === 'object' ? false : 'pip is not there, or no index of its configuration answers';

const configuration = await readPipConfiguration({ env: process.env, home: homedir() });
const upstream = createUpstream({
  clock: {
    now: () => new Date(),
    monotonicMs: () => performance.now(),
    sleep: (ms) => new Promise((done) => setTimeout(done, ms)),
  },
  random: {
    bytes: (length) => randomBytes(length),
    integer: (below) => Math.floor(Math.random() * below),
  },
  credentialsFor: configuration.credentialsFor,
});
after(() => upstream.close());
const source = createPypiSource({
  upstream,
  settings: configuration.settings,
  credentials: configuration.credentials,
  listFolder,
  env: process.env,
});

/** What pip calls "no matching distribution" where an index is down. */
function isUnreachable(thrown: Error): boolean {
  return thrown instanceof XError && thrown.code === 'UPSTREAM_UNREACHABLE';
}

async function planned(requirements: string, targetText: string): Promise<string[] | undefined> {
  const file = { path: 'requirements.txt', text: requirements };
  const read = await source.read(file, () => Promise.reject(new Error('nothing is nested')));
  try {
    const plan = await source.plan({
      requirements: [read.requirements],
      purls: read.purls,
      targets: [parseTarget(targetText)],
      now: new Date(),
      report: () => undefined,
    });
    return plan.artifacts.map(({ filename }) => filename).sort();
  } catch (thrown) {
    if (
      thrown instanceof Error &&
      'exitCode' in thrown &&
      (thrown.exitCode === 4 || isUnreachable(thrown))
    ) {
      if (process.env['SHOW_REASONS'] !== undefined) console.log(thrown.message);
      return undefined;
    }
    throw thrown;
  }
}

for (const [title, requirements] of Object.entries(SETS)) {
  test(`pip's own answer: ${title}`, { skip }, async (t) => {
    assert.ok(typeof probe === 'object');
    const { environment } = probe;
    const libc = await libcOf();
    const machine = environment.platform_machine;
    const target = `linux/${machine}/${libc},python=${environment.python_full_version}`;
    const [report, ours] = await Promise.all([
      pipReport(requirements),
      planned(requirements, target),
    ]);
    const theirs = report?.install
      .map(({ download_info: { url } }) => decodeURIComponent(url.slice(url.lastIndexOf('/') + 1)))
      .sort();
    t.diagnostic(theirs === undefined ? 'pip finds no answer' : `${theirs.length} files`);
    assert.deepEqual(ours, theirs);
  });
}
