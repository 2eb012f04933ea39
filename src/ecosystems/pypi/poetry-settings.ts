import type { ClientSettings } from '../../ports/ecosystem.js';

/** In the run's own folder; on Python's path, so that Poetry finds the plugin by its entry point. */
const FOLDER = 'poetry';
const MODULE = 'x_poetry_gateway';

/**
 * Poetry has no setting for where the default index is: neither an environment variable nor its
 * configuration replaces it, and pip's mean nothing to it. It loads plugins though, from wherever
 * Python looks. This one, for one command, asks the gateway in the place of every index, and writes
 * into lock files what Poetry would have written.
 * @param pythonPath what the environment has already.
 * @see https://python-poetry.org/docs/plugins/
 */
export function poetrySettings(index: string, pythonPath: string | undefined): ClientSettings {
  const rest = pythonPath === undefined || pythonPath === '' ? '' : `:${pythonPath}`;
  return {
    env: {
      PYTHONPATH: `{dir}/${FOLDER}${rest}`,
      X_POETRY_INDEX: index,
      X_POETRY_PYTHONPATH: pythonPath ?? '',
      // Without a desktop a keyring may ask in vain, for ever; the gateway has no passwords.
      PYTHON_KEYRING_BACKEND: 'keyring.backends.null.Keyring',
    },
    files: [
      { path: `${FOLDER}/${MODULE}.py`, text: PLUGIN },
      {
        path: `${FOLDER}/${MODULE}-1.dist-info/METADATA`,
        text: `Metadata-Version: 2.1\nName: ${MODULE}\nVersion: 1\n`,
      },
      {
        path: `${FOLDER}/${MODULE}-1.dist-info/entry_points.txt`,
        text: `[poetry.plugin]\n${MODULE} = ${MODULE}:GatewayPlugin\n`,
      },
    ],
    args: [],
    needsFolder: true,
  };
}

/** For Poetry 1.3 and later. The pool's table is private there, and has had this form since. */
const PLUGIN = `import dataclasses
import os

from poetry.plugins.plugin import Plugin
from poetry.repositories.http_repository import HTTPRepository
from poetry.repositories.legacy_repository import LegacyRepository
from poetry.repositories.pypi_repository import PyPiRepository

INDEX = os.environ["X_POETRY_INDEX"]


class GatewayRepository(LegacyRepository):
    """An index by its own name, answered by the gateway."""

    def __init__(self, replaced, config):
        # What was cached of the index itself is not what is held here.
        super().__init__(replaced.name, INDEX, config=config, disable_cache=True)
        self._replaced_url = None if isinstance(replaced, PyPiRepository) else replaced.url

    def _named(self, package):
        # The lock file goes on naming the index that was replaced; the default one has no name there.
        if self._replaced_url is None:
            package._source_type = None
            package._source_reference = None
        package._source_url = self._replaced_url
        return package

    def package(self, *args, **kwargs):
        return self._named(super().package(*args, **kwargs))

    def _find_packages(self, *args, **kwargs):
        return [self._named(package) for package in super()._find_packages(*args, **kwargs)]


class GatewayPlugin(Plugin):
    def activate(self, poetry, io):
        # What Poetry starts in its turn has the environment that it was given.
        path = os.environ.pop("X_POETRY_PYTHONPATH", "")
        os.environ.pop("PYTHONPATH", None)
        if path:
            os.environ["PYTHONPATH"] = path
        table = poetry.pool._repositories
        for key, entry in list(table.items()):
            if isinstance(entry.repository, HTTPRepository):
                replacement = GatewayRepository(entry.repository, poetry.config)
                table[key] = dataclasses.replace(entry, repository=replacement)
`;
