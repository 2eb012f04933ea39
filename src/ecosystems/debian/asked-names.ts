/** apt's options that take their value as the next argument. */
const WITH_VALUE = new Set([
  '-o',
  '--option',
  '-c',
  '--config-file',
  '-t',
  '--target-release',
  '--default-release',
  '-a',
  '--host-architecture',
  '-P',
  '--build-profiles',
]);

/** apt-get fetches source packages too, and then says no more than that no sources are configured. */
export function neverCarried(args: readonly string[]): string | undefined {
  const [action = ''] = wordsOf(args);
  if (!['source', 'build-dep', 'showsrc'].includes(action)) return undefined;
  return (
    'bundles carry binary packages of Debian, and no source packages: fetch those on the connected ' +
    'machine (apt-get source) and bring them as files'
  );
}

/** The packages that an apt command line names: `apt-get install jq=1.6 ./local.deb vim:i386` asks for jq and vim. */
export function askedNames(args: readonly string[]): string[] {
  const [action = '', ...names] = wordsOf(args);
  if (!['install', 'reinstall', 'download'].includes(action)) return [];
  return names
    .filter((name) => !name.includes('/') || /^[a-z0-9][a-z0-9.+-]+\/[a-z-]+$/.test(name))
    .map((name) => name.replace(/[=/:].*$/, ''))
    .filter((name) => /^[a-z0-9][a-z0-9.+-]+$/.test(name));
}

/** The action and what it is done to. */
function wordsOf(args: readonly string[]): string[] {
  const words: string[] = [];
  for (let at = 0; at < args.length; at += 1) {
    const word = args[at] ?? '';
    if (WITH_VALUE.has(word)) at += 1;
    else if (!word.startsWith('-')) words.push(word);
  }
  return words;
}
