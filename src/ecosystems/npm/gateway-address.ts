import { tarballFile } from './names.js';

/** The address of a held tarball on a gateway. */
export function gatewayTarball(gateway: string, name: string, version: string): string {
  return gatewayFile(gateway, name, tarballFile(name, version));
}

/** The same, of one whose file is called otherwise than a published one's. */
export function gatewayFile(gateway: string, name: string, file: string): string {
  return `${gateway}/npm/${name}/-/${encodeURIComponent(file)}`;
}
