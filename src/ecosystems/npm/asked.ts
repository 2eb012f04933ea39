/** What changes a registry or asks it who somebody is. Yarn has them behind `yarn npm`. */
const OF_ACCOUNTS = new Set([
  'publish',
  'unpublish',
  'deprecate',
  'adduser',
  'add-user',
  'login',
  'logout',
  'dist-tag',
  'owner',
  'access',
  'team',
  'org',
  'profile',
  'token',
]);

/** npm refuses before it asks anybody, and says to log in: there is nothing to log in to. */
export function neverCarried(args: readonly string[]): string | undefined {
  const [first = '', second = ''] = args.filter((word) => !word.startsWith('-'));
  const action = first === 'npm' ? second : first;
  if (!OF_ACCOUNTS.has(action)) return undefined;
  return (
    `the gateway serves what signed bundles hold: it has no accounts, and nothing can be published to it. ` +
    `Publish to a registry of your own (npm ${action} --registry URL, without x run); x source takes packages from it.`
  );
}

const MAKES_PROJECTS = new Set(['create', 'init', 'innit']);

/** The versions that a command line names: `npm install lodash@1 @a/b@^2 ./local` asks for lodash in 1 and @a/b in ^2. */
export function askedVersions(args: readonly string[]): { name: string; version: string }[] {
  // "npm create vite@latest" asks for create-vite: what it names is not what it fetches.
  if (MAKES_PROJECTS.has(args.find((word) => !word.startsWith('-')) ?? '')) return [];
  return args.flatMap((word) => {
    const [, name = '', version = ''] = PACKAGE_AT.exec(word) ?? [];
    return name === '' ? [] : [{ name, version }];
  });
}

const PACKAGE_AT = /^((?:@[a-z0-9~._-]+\/)?[a-z0-9~._-]+)@([^:/\s]+)$/i;
