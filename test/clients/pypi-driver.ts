import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Pip } from './pypi-pip.js';

/** One request for pip. */
export interface DriverCase {
  indexUrl: string;
  /** A requirements file. */
  requirements: string;
  constraints: string | undefined;
}

export interface DriverAnswer {
  /** By normalised name; undefined where nothing fits. */
  versions: Map<string, string> | undefined;
  /** How many candidates its resolver took back. */
  rejected: number;
  /** It ended in an error of its own, after it had resolved or before. */
  hasCrashed: boolean;
}

/**
 * Starts pip's own command over and over in one Python process, because starting one costs more than
 * resolving. Its reporter is listened to, nothing else of it is changed.
 */
const DRIVER = `
import json, os, sys, tempfile
if sys.argv[1]: sys.path.insert(0, sys.argv[1])
from pip._internal.cli.main import main
from pip._internal.resolution.resolvelib import reporter
rejected = 0
original = reporter.PipReporter.rejecting_candidate
def rejecting(self, criterion, candidate):
    global rejected
    rejected += 1
    return original(self, criterion, candidate)
reporter.PipReporter.rejecting_candidate = rejecting
real = os.dup(1)
devnull = os.open(os.devnull, os.O_WRONLY)
os.dup2(devnull, 1)
for line in sys.stdin:
    case = json.loads(line)
    rejected = 0
    report = tempfile.mktemp()
    args = ["install", "--dry-run", "--ignore-installed", "-qqq", "--no-cache-dir",
            "--index-url", case["indexUrl"], "-r", case["requirements"], "--report", report]
    if case.get("constraints"): args += ["-c", case["constraints"]]
    code = main(args)
    versions = None
    if code == 0:
        with open(report) as file:
            versions = [[i["metadata"]["name"], i["metadata"]["version"]] for i in json.load(file)["install"]]
        os.unlink(report)
    os.write(real, (json.dumps({"versions": versions, "rejected": rejected, "crashed": code == 2}) + "\\n").encode())
`;

/** Asks one real pip many things, in order. */
export class PipDriver {
  readonly #child;
  readonly #lines: AsyncIterator<string>;

  constructor(pip: Pip | undefined) {
    const path = pip?.args[0]?.replace(/\/pip$/, '') ?? '';
    const own = Object.entries(process.env).filter(([name]) => !name.startsWith('PIP_'));
    this.#child = spawn('python3', ['-c', DRIVER, path], {
      env: {
        ...Object.fromEntries(own),
        PIP_CONFIG_FILE: '/dev/null',
        PIP_DISABLE_PIP_VERSION_CHECK: '1',
      },
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  async ask(request: DriverCase): Promise<DriverAnswer> {
    this.#child.stdin.write(`${JSON.stringify(request)}\n`);
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error('pip ended');
    const { versions, rejected, crashed } = JSON.parse(value) as {
      versions: [string, string][] | null;
      rejected: number;
      crashed: boolean;
    };
    const named = versions?.map(
      ([name, version]) => [name.replace(/[-_.]+/g, '-').toLowerCase(), version] as const,
    );
    return { versions: named && new Map(named), rejected, hasCrashed: crashed };
  }

  close(): void {
    this.#child.kill();
  }
}
