import { tarballFile } from './names.js';

/** The address of a held tarball on a gateway. */
export function gatewayTarball(gateway: string, name: string, version: string): string {
  return `${gateway}/npm/${name}/-/${encodeURIComponent(tarballFile(name, version))}`;
}
