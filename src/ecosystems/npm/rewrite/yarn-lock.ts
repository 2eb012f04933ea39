import type { InputFile } from '../../../ports/ecosystem.js';
import { gatewayTarball } from '../gateway-address.js';
import { berryAddress } from '../locks/yarn-berry.js';
import { aliased, withoutShasum } from '../locks/yarn-lock.js';
import { partsOf } from '../locks/yarn-patterns.js';
import { addressKind } from '../locks/address.js';
import { isPackageName, isVersion } from '../names.js';
import {
  addressOf,
  integrityOf,
  type ForeignAddresses,
  type StandIn,
} from './foreign-addresses.js';

/** One entry of a yarn.lock: its patterns, and the lines below them. */
interface Block {
  patterns: string[];
  lines: string[];
}

/**
 * A yarn.lock, of Yarn 1 or newer, whose addresses point at the gateway. What is not changed stays to
 * the letter: an immutable install compares. Undefined where there is nothing to rewrite.
 */
export function rewriteYarnLock(
  file: InputFile,
  gateway: string,
  addresses: ForeignAddresses,
): InputFile | undefined {
  const isBerry = /^__metadata:$/m.test(file.text);
  const rewrite = isBerry ? rewriteBerry : rewriteClassic;
  const text = file.text
    .split(/(?<=\n)(?=\S)/)
    .map((part) => {
      const block = blockOf(part, isBerry);
      if (block === undefined) return part;
      const standIn = rewrite(block, gateway, addresses);
      if (standIn !== undefined) repoint(block, gateway, standIn);
      rewriteAsked(block, gateway, addresses);
      return textOf(block, part, isBerry);
    })
    .join('');
  return text === file.text ? undefined : { path: file.path, text };
}

function blockOf(part: string, isBerry: boolean): Block | undefined {
  const [head = '', ...lines] = part.split('\n');
  if (head.startsWith('#') || !/:\r?$/.test(head) || head.startsWith('__metadata'))
    return undefined;
  const key = head.replace(/:\r?$/, '');
  // Newer Yarns quote all patterns together, Yarn 1 each by itself.
  const patterns = isBerry
    ? unquoted(key).split(/,\s*/)
    : key.split(/,\s*/).map((pattern) => unquoted(pattern));
  return { patterns, lines };
}

function textOf({ patterns, lines }: Block, before: string, isBerry: boolean): string {
  const head = before.slice(0, before.indexOf('\n'));
  const was = blockOf(before, isBerry)?.patterns ?? [];
  const isSame = was.length === patterns.length && was.every((one, at) => one === patterns[at]);
  const key = isBerry
    ? `"${patterns.join(', ')}":`
    : `${patterns.map((pattern) => `"${pattern}"`).join(', ')}:`;
  return [isSame ? head : key, ...lines].join('\n');
}

/** The patterns ask the gateway, each address once. */
function repoint(block: Block, gateway: string, standIn: StandIn): void {
  const address = addressOf(gateway, standIn);
  block.patterns = [
    ...new Set(
      block.patterns.map((pattern) => {
        const { name, spec } = partsOf(pattern);
        return addressKind(spec) === undefined ? pattern : `${name}@${address}`;
      }),
    ),
  ];
}

/** What an entry needs stands below it, four spaces deep. */
function rewriteAsked(block: Block, gateway: string, addresses: ForeignAddresses): void {
  block.lines = block.lines.map((line) => {
    const match = /^( {4}"?)((?:@[^/"\s]+\/)?[^"\s:@]+)("?:? )"?([^"]+?)"?(\r?)$/.exec(line);
    const [, start = '', name = '', between = '', spec = '', end = ''] = match ?? [];
    const standIn = match === null ? undefined : addresses.asked(name, spec);
    if (standIn === undefined) return line;
    return `${start}${name}${between}"${addressOf(gateway, standIn)}"${end}`;
  });
}

/** Of Yarn 1: the address that an entry was taken from. @returns what stands in for one of no registry. */
function rewriteClassic(
  block: Block,
  gateway: string,
  addresses: ForeignAddresses,
): StandIn | undefined {
  const { name, spec } = partsOf(block.patterns[0] ?? '');
  const resolved = fieldOf(block, 'resolved');
  const kind = addressKind(spec);
  if (kind === 'local') return undefined;
  if (kind !== undefined) {
    const address = resolved === undefined ? spec : withoutShasum(resolved, kind);
    const standIn = addresses.at(address);
    if (standIn === undefined) return undefined;
    setField(block, 'resolved', `"${addressOf(gateway, standIn)}"`);
    const integrity = integrityOf(standIn);
    if (integrity !== undefined) setField(block, 'integrity', integrity);
    return standIn;
  }
  const real = aliased(spec) ?? name;
  const version = fieldOf(block, 'version') ?? '';
  if (resolved === undefined || !/^https?:/.test(resolved)) return undefined;
  if (!isPackageName(real) || !isVersion(version)) return undefined;
  const shasum = /#[0-9a-f]{40}$/.exec(resolved)?.[0] ?? '';
  setField(block, 'resolved', `"${gatewayTarball(gateway, real, version)}${shasum}"`);
  return undefined;
}

/** Of newer Yarns: where an entry is of no registry, or Yarn noted an address beside its version. */
function rewriteBerry(
  block: Block,
  gateway: string,
  addresses: ForeignAddresses,
): StandIn | undefined {
  const { name, spec } = partsOf(fieldOf(block, 'resolution') ?? '');
  if (spec.startsWith('npm:')) {
    // Without it Yarn asks the registry that it is configured with.
    const plain = spec.replace(/::__archiveUrl=[^&"]*$/, '');
    if (plain !== spec) setField(block, 'resolution', `"${name}@${plain}"`);
    return undefined;
  }
  const standIn = addresses.at(berryAddress(spec));
  if (standIn === undefined) return undefined;
  setField(block, 'resolution', `"${name}@${addressOf(gateway, standIn)}"`);
  return standIn;
}

function fieldOf({ lines }: Block, name: string): string | undefined {
  for (const line of lines) {
    const value = new RegExp(`^ {2}${name}:? (.*?)\\r?$`).exec(line)?.[1];
    if (value !== undefined) return unquoted(value);
  }
  return undefined;
}

/** Sets a line of an entry; one that it lacks comes after its address. */
function setField(block: Block, name: string, value: string): void {
  const at = block.lines.findIndex((line) => new RegExp(`^ {2}${name}:? `).test(line));
  if (at >= 0) {
    const line = block.lines[at] ?? '';
    const start = line.slice(0, line.indexOf(' ', 2) + 1);
    block.lines[at] = `${start}${value}${line.endsWith('\r') ? '\r' : ''}`;
    return;
  }
  const after = block.lines.findIndex((line) => /^ {2}resolved /.test(line));
  if (after >= 0) block.lines.splice(after + 1, 0, `  ${name} ${value}`);
}

function unquoted(text: string): string {
  return text.trim().replace(/^"(.*)"$/, '$1');
}
