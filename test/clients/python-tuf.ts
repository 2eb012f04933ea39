import { spawnSync } from 'node:child_process';
import type { Files } from '../trust/attack-table.js';

/** What one client is shown, one step after another. */
export interface TufCase {
  /** The root file that the client starts from. */
  root: Uint8Array;
  at: Date;
  steps: readonly TufStep[];
}

/** Files as a repository serves them, and the targets that are asked for and downloaded. */
export interface TufStep {
  files: Files;
  paths: readonly string[];
  downloads?: readonly string[];
}

/** How each step ended: what the client said where it refused, null where it took everything. */
export type TufAnswer = readonly (string | null)[];

/** The client as it comes: its Updater, with files in a network's place, and the day of the case. */
const CLIENT = `
import base64, datetime, inspect, json, os, sys, tempfile
from tuf.api import exceptions
from tuf.ngclient import FetcherInterface, Updater

class Served(FetcherInterface):
    def __init__(self, files):
        self.files = files

    def _fetch(self, url):
        body = self.files.get(url[len("http://served/"):])
        if body is None:
            raise exceptions.DownloadHTTPError("not there", 404)
        return iter([body[i : i + 65536] for i in range(0, len(body), 65536)])

def take(folder, root, step, at):
    files = {name: base64.b64decode(body) for name, body in step["files"].items()}
    folders = {"metadata_dir": os.path.join(folder, "metadata"), "target_dir": os.path.join(folder, "targets")}
    if "bootstrap" in inspect.signature(Updater.__init__).parameters:
        folders["bootstrap"] = root
    updater = Updater(metadata_base_url="http://served/", target_base_url="http://served/", fetcher=Served(files), **folders)
    trusted = updater._trusted_set
    trusted.reference_time = at.replace(tzinfo=trusted.reference_time.tzinfo)
    updater.refresh()
    for path in step["paths"]:
        updater.get_targetinfo(path)
    for path in step["downloads"]:
        updater.download_target(updater.get_targetinfo(path))

answers = []
for case in json.load(sys.stdin):
    at = datetime.datetime.fromisoformat(case["at"].replace("Z", "+00:00"))
    root = base64.b64decode(case["root"])
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(os.path.join(folder, "metadata"))
        os.mkdir(os.path.join(folder, "targets"))
        with open(os.path.join(folder, "metadata", "root.json"), "wb") as file:
            file.write(root)
        answer = []
        for step in case["steps"]:
            try:
                take(folder, root, step, at)
                answer.append(None)
            except (exceptions.RepositoryError, exceptions.DownloadError) as error:
                answer.append(type(error).__name__ + ": " + str(error)[:200])
        answers.append(answer)
json.dump(answers, sys.stdout)
`;

const PYTHONS = ['python3', '/usr/bin/python3'];

/** A Python that has python-tuf; where PYTHONPATH names it, that one. */
export function pythonWithTuf(): string | undefined {
  return PYTHONS.find(
    (python) =>
      spawnSync(python, ['-c', 'import tuf.ngclient'], { stdio: 'ignore', timeout: 60_000 })
        .status === 0,
  );
}

/** Shows each case to a client of its own, in one process. */
export function askPythonTuf(python: string, cases: readonly TufCase[]): TufAnswer[] {
  const input = cases.map(({ root, at, steps }) => ({
    root: base64(root),
    at: at.toISOString(),
    steps: steps.map(({ files, paths, downloads = [] }) => ({
      files: Object.fromEntries([...files].map(([name, bytes]) => [name, base64(bytes)])),
      paths,
      downloads,
    })),
  }));
  const { status, stdout, stderr, error } = spawnSync(python, ['-c', CLIENT], {
    input: JSON.stringify(input),
    encoding: 'utf8',
    timeout: 300_000,
    maxBuffer: 16 << 20,
  });
  if (status !== 0) throw error ?? new Error(`python-tuf ended with ${status}: ${stderr}`);
  return JSON.parse(stdout) as TufAnswer[];
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
