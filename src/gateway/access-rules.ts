import { BlockList, isIP } from 'node:net';
import { XError } from '../domain/errors.js';

/** Whether a remote address may use the gateway. */
export type AccessRules = (address: string) => boolean;

/** Loopback, private, link-local and carrier-grade addresses: what is not the public internet. */
const PRIVATE = [
  '127.0.0.0/8',
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '169.254.0.0/16',
  '100.64.0.0/10',
  '::1/128',
  'fc00::/7',
  'fe80::/10',
];

/**
 * Reads `--allow` rules: `private` (the default), `any`, an address, or a network as ADDRESS/BITS.
 * This machine itself is always let in.
 * @throws XError USAGE naming every rule that is none.
 */
export function parseAccessRules(rules: readonly string[]): AccessRules {
  const asked = rules.length === 0 ? ['private'] : rules;
  if (asked.includes('any')) return () => true;
  const allowed = new BlockList();
  const bad: string[] = [];
  for (const rule of ['127.0.0.0/8', '::1', ...asked]) {
    const networks = rule === 'private' ? PRIVATE : [rule];
    if (!networks.every((network) => addNetwork(allowed, network))) bad.push(`"${rule}"`);
  }
  if (bad.length > 0) {
    throw new XError('USAGE', `no address or network: ${bad.join(', ')}`, {
      hint: 'Write 10.1.2.3, 10.1.0.0/16, fd00::/8, private or any.',
    });
  }
  return (address) => {
    // An IPv4 client of an IPv6 socket.
    const plain = address.replace(/^::ffff:(?=[0-9.]+$)/i, '').replace(/%.*$/, '');
    const version = isIP(plain);
    return version !== 0 && allowed.check(plain, version === 6 ? 'ipv6' : 'ipv4');
  };
}

/** Whether an address is this machine's own or a private one. */
export const isPrivateAddress: AccessRules = parseAccessRules(['private']);

function addNetwork(list: BlockList, network: string): boolean {
  const [address = '', bits, more] = network.split('/');
  const version = isIP(address);
  if (version === 0 || more !== undefined) return false;
  const most = version === 6 ? 128 : 32;
  const length = bits === undefined ? most : /^[0-9]{1,3}$/.test(bits) ? Number(bits) : most + 1;
  if (length > most) return false;
  list.addSubnet(address, length, version === 6 ? 'ipv6' : 'ipv4');
  return true;
}
