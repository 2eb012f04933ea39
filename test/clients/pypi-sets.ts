import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseRootPage } from '../../src/ecosystems/pypi/index-page.js';
import { normalizeName } from '../../src/ecosystems/pypi/filename.js';
import { readPipConfiguration } from '../../src/upstream/pypi-settings.js';

/** Written by hand: what people install, and what has gone wrong for them. */
export const NAMED_SETS: Readonly<Record<string, string>> = {
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
  'a conflict': 'flask\nwerkzeug<2',
  'extras of extras': 'jaraco.functools\nkeyring\nfastapi[all]',
  'spelled in other ways': 'Jinja2\nruamel.yaml\ntyping_extensions\nPyYAML',
};

/** A hundred packages of science and the web. */
export const STACK =
  'numpy scipy pandas matplotlib scikit-learn seaborn statsmodels sympy networkx pillow ' +
  'scikit-image h5py numexpr numba xarray dask pyarrow polars duckdb tables ' +
  'plotly bokeh altair ipython jupyterlab notebook ipywidgets nbconvert tqdm joblib ' +
  'flask django fastapi uvicorn starlette gunicorn requests httpx aiohttp urllib3 ' +
  'sqlalchemy alembic psycopg2-binary pymysql redis pymongo peewee asyncpg sqlmodel sqlparse ' +
  'pydantic pydantic-settings marshmallow jsonschema attrs cattrs orjson msgpack pyyaml toml ' +
  'jinja2 markupsafe werkzeug click typer rich colorama tabulate prettytable loguru ' +
  'pytest pytest-cov pytest-mock pytest-xdist hypothesis coverage faker freezegun responses virtualenv ' +
  'boto3 paramiko cryptography pyjwt passlib bcrypt python-dotenv pyopenssl authlib itsdangerous ' +
  'beautifulsoup4 lxml html5lib openpyxl xlrd xlsxwriter python-docx pypdf reportlab markdown';

/** Names of the indexes on this disk that pip is configured with, in an order that chance decided once. */
async function shuffledNames(): Promise<string[]> {
  const { settings } = await readPipConfiguration({ env: process.env, home: homedir() });
  const names = new Set<string>();
  for (const { url } of settings.indexes) {
    if (!url.startsWith('file:')) continue;
    const page = await readFile(fileURLToPath(`${url}/index.html`)).catch(() => Buffer.alloc(0));
    for (const name of parseRootPage(page)) names.add(normalizeName(name.replace(/\/$/, '')));
  }
  const key = (name: string): string => createHash('sha256').update(`1 ${name}`).digest('hex');
  return [...names].sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

/**
 * Sets that nobody chose: the indexes' names sorted by a digest, the first ten one by one, then five
 * sets of three, three of ten, and one of thirty.
 */
export async function drawnSets(): Promise<Record<string, string>> {
  const names = await shuffledNames();
  const sets: Record<string, string> = {};
  let at = 0;
  for (const size of [...Array<number>(10).fill(1), ...Array<number>(5).fill(3), 10, 10, 10, 30]) {
    const drawn = names.slice(at, at + size);
    at += size;
    if (drawn.length > 0)
      sets[`drawn: ${drawn.slice(0, 3).join(', ')}${size > 3 ? `… (${size})` : ''}`] =
        drawn.join('\n');
  }
  return sets;
}
