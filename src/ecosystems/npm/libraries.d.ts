// What is used of npm's own libraries, which ship no types.

declare module 'npm-package-arg' {
  interface Spec {
    type: 'git' | 'tag' | 'version' | 'range' | 'file' | 'directory' | 'remote' | 'alias';
    name: string | null;
    /** The range, version, tag or address. */
    fetchSpec: string | null;
    registry?: boolean;
    subSpec?: Spec;
  }
  const npa: { resolve(name: string, spec: string): Spec };
  export default npa;
}

declare module 'npm-install-checks' {
  export function checkPlatform(
    manifest: { os?: string[]; cpu?: string[]; libc?: string[] },
    force: boolean,
    environment: { os: string; cpu: string; libc: string | undefined },
  ): void;
}
