import { BOUNDS } from '../../domain/bounds.js';
import type { Did } from '../../domain/bundle.js';
import { groupOfMultiaddr } from '../../network/address-group.js';
import type { RoutingTable } from '../../network/routing-table.js';
import { isAddressText } from './lookup-messages.js';
import type { NodeConnection } from './node-host.js';

/**
 * Those of the addresses which a node states for itself that others may be told: in the network that it
 * is connected from, or where it was met before. So nobody sends others to the door of a third.
 */
export function statedAddresses(
  stated: readonly string[],
  from: Pick<NodeConnection, 'did' | 'group'>,
  table: Pick<RoutingTable, 'get'>,
): string[] {
  const proved = provedAddresses(from.did, table);
  return stated
    .slice(0, BOUNDS.announcedAddresses)
    .filter(
      (address) =>
        isAddressText(address) &&
        (groupOfMultiaddr(address) === from.group || proved.includes(address)),
    );
}

function provedAddresses(did: Did, table: Pick<RoutingTable, 'get'>): readonly string[] {
  const node = table.get(did);
  return node === undefined || node.answeredAtMs === 0 ? [] : node.addresses.slice(0, 1);
}
