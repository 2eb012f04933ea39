import type { EcosystemName } from '../domain/plan.js';
import { formatPurl } from '../domain/purl.js';
import type { MachineRequest } from '../domain/request.js';
import type { EcosystemSource, InputFile } from '../ports/ecosystem.js';

/** The name under which a machine's wishes stand among a bundle's inputs. */
const PATH = 'x-wishes.txt';

/**
 * What a request says was asked for in vain, as a list of package URLs; undefined where it says
 * nothing. A name is only ever a component of a package URL, escaped as such.
 */
export function wishedFile(
  request: Pick<MachineRequest, 'wishes'> | undefined,
  sources: readonly Pick<EcosystemSource, 'name' | 'purlType'>[],
): InputFile | undefined {
  const lines = (request?.wishes ?? []).flatMap(({ ecosystem, name }) => {
    const type = sources.find((source) => source.name === ecosystem)?.purlType;
    return type === undefined ? [] : [`#x ${formatPurl(purlOf(ecosystem, type, name))}`];
  });
  return lines.length === 0 ? undefined : { path: PATH, text: `${lines.join('\n')}\n` };
}

function purlOf(ecosystem: EcosystemName, type: string, name: string) {
  const slash = name.startsWith('@') ? name.indexOf('/') : -1;
  const scope = slash < 0 ? undefined : name.slice(0, slash);
  const namespace = ecosystem === 'debian' ? 'debian' : scope;
  return { type, namespace, name: name.slice(slash + 1), version: undefined };
}
