// What is used of npm's own libraries, which ship no types.

declare module '@npmcli/config' {
  export default class Config {
    constructor(options: {
      npmPath: string;
      definitions: unknown;
      shorthands: unknown;
      flatten: unknown;
      nerfDarts: unknown;
      argv: string[];
      env: Record<string, string | undefined>;
      execPath: string;
      cwd: string;
      warn: boolean;
    });
    load(): Promise<void>;
    readonly flat: Record<string, unknown>;
    readonly defaults: Record<string, unknown>;
    get(key: string): unknown;
    /** Whether nothing but npm's own default sets it. */
    isDefault(key: string): boolean;
  }
}

declare module '@npmcli/config/lib/definitions/index.js' {
  const parts: { definitions: unknown; shorthands: unknown; flatten: unknown; nerfDarts: unknown };
  export default parts;
}

declare module '@npmcli/arborist' {
  interface ArboristEdge {
    name: string;
    type: string;
    spec: string;
    rawSpec: string;
    to: ArboristNode | null;
  }
  interface ArboristNode {
    location: string;
    packageName: string | null;
    name: string;
    version: string;
    resolved: string | null;
    integrity: string | null;
    package: Record<string, unknown>;
    isLink: boolean;
    isProjectRoot: boolean;
    isRegistryDependency: boolean;
    inDepBundle: boolean;
    extraneous: boolean;
    inert: boolean;
    errors: Error[];
    target: ArboristNode;
    edgesOut: Map<string, ArboristEdge>;
    inventory: Map<string, ArboristNode>;
  }
  export default class Arborist {
    constructor(options: Record<string, unknown>);
    idealTree: ArboristNode | null;
    buildIdealTree(): Promise<ArboristNode>;
    loadVirtual(): Promise<ArboristNode>;
  }
  export type { ArboristEdge, ArboristNode };
}

declare module 'npm-registry-fetch' {
  interface RegistryResponse {
    status: number;
    headers: { get(name: string): string | null };
    body: AsyncIterable<Uint8Array>;
  }
  export default function fetch(
    uri: string,
    options: Record<string, unknown>,
  ): Promise<RegistryResponse>;
}

declare module 'npm-registry-fetch/lib/auth.js' {
  export default function getAuth(
    uri: string,
    options: Record<string, unknown>,
  ): { token: string | null; auth: string | null };
}

declare module 'pacote' {
  import type { JsonObject } from '../domain/plan.js';

  const pacote: {
    extract(spec: string, folder: string, options: Record<string, unknown>): Promise<unknown>;
    manifest(spec: string, options: Record<string, unknown>): Promise<JsonObject>;
    tarball: {
      file(
        spec: string,
        file: string,
        options: Record<string, unknown>,
      ): Promise<{ resolved: string; integrity: unknown }>;
    };
  };
  export default pacote;
}

declare module 'npm-pick-manifest' {
  export default function pickManifest(
    packument: { name: string; versions: Record<string, unknown> },
    wanted: string,
    options: { nodeVersion?: string; before?: Date },
  ): { version: string };
}
