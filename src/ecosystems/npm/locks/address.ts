/** What a dependency's address says of where its bytes are. */
export type AddressKind = 'remote' | 'git' | 'local';

/** Whether a dependency's spec is an address instead of a range, a tag or an alias. */
export function addressKind(spec: string): AddressKind | undefined {
  if (/^(file|link|portal|workspace):|^\.{0,2}\//.test(spec)) return 'local';
  if (/^git(\+[a-z]+)?:|^git@|^(github|gitlab|bitbucket|gist):|\.git(#|$)/.test(spec)) return 'git';
  if (/^https?:/.test(spec)) return 'remote';
  // npm's shorthand for GitHub: user/repo#branch.
  return /^[\w.-]+\/[\w.-]+(#.*)?$/.test(spec) && !spec.startsWith('@') ? 'git' : undefined;
}
