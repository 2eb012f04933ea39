import type { Digests } from '../../domain/digest.js';
import { XError } from '../../domain/errors.js';
import { fileOf } from './index-page.js';
import type { OfferedFile } from './indexes.js';
import type { InputRequirement } from './input.js';
import { holdsOn, type PythonTarget } from './python-target.js';

/** What the user asks for, from every file and purl. */
export interface Asked {
  requirements: readonly InputRequirement[];
  constraints: readonly InputRequirement[];
}

/** The same for one target, with what it says of single names there. */
export interface Wanted extends Asked {
  /** Hashes of which a name's file must have one. */
  hashes: ReadonlyMap<string, readonly Digests[]>;
  /** Files that are named by address, or recorded by a lock file. */
  direct: ReadonlyMap<string, readonly OfferedFile[]>;
}

/**
 * What is asked for on a target: lines whose marker does not hold there count for nothing.
 * @throws XError INPUT_MALFORMED for an address of another package; NOT_RESOLVABLE for two addresses of one.
 */
export function wantedOn(target: PythonTarget, asked: Asked): Wanted {
  const holds = ({ requirement: { marker } }: InputRequirement): boolean => holdsOn(target, marker);
  const requirements = asked.requirements.filter(holds);
  const constraints = asked.constraints.filter(holds);
  const hashes = new Map<string, Digests[]>();
  const direct = new Map<string, OfferedFile[]>();
  const addresses = new Map<string, string>();
  checkRefusals(requirements, target);
  for (const one of [...requirements, ...constraints]) {
    const { name, url } = one.requirement;
    if (one.hashes.length > 0) hashes.set(name, [...(hashes.get(name) ?? []), ...one.hashes]);
    if (one.files !== undefined) {
      const recorded = one.files.map((file) => ({ ...file, index: undefined }));
      direct.set(name, [...(direct.get(name) ?? []), ...recorded]);
    }
    if (url === undefined) continue;
    const file = directFile(one, url);
    const known = addresses.get(name);
    addresses.set(name, file.url);
    if (known !== undefined && known !== file.url) {
      const both = `${known} and ${file.url}`;
      throw new XError(
        'NOT_RESOLVABLE',
        `${one.where}: ${name} is asked for at two addresses: ${both}`,
        {
          hint:
            choiceHint(name, requirements) ??
            `Keep one of them for ${target.id}, or give each a marker.`,
        },
      );
    }
    direct.set(name, [file]);
  }
  return { requirements, constraints, hashes, direct };
}

/** What to choose where entries of one name, each for other groups or extras, do not go together. */
export function choiceHint(
  name: string,
  requirements: readonly Pick<InputRequirement, 'requirement' | 'where' | 'chosenBy'>[],
): string | undefined {
  const own = requirements.filter(({ requirement }) => requirement.name === name);
  const chosen = own.filter(({ chosenBy }) => chosenBy !== undefined && chosenBy.length > 0);
  if (own.length < 2 || chosen.length === 0) return undefined;
  const flags = [...new Set(chosen.flatMap(({ chosenBy = [] }) => chosenBy))].sort();
  const shown = flags.slice(0, SHOWN_CHOICES).join(', ');
  return `${chosen[0]?.where ?? ''} has ${name} several times, for groups and extras that exclude each other, and all of them are carried where nothing is chosen: choose what goes together, a bundle for each (${shown}; --group :none: and --extra :none: for none).`;
}

const SHOWN_CHOICES = 6;

/** @throws XError INPUT_MALFORMED naming all that is needed on the target and cannot be carried. */
function checkRefusals(requirements: readonly InputRequirement[], target: PythonTarget): void {
  const refused = requirements.flatMap(({ refusal, where }) =>
    refusal === undefined ? [] : `${where}: ${refusal}`,
  );
  if (refused.length === 0) return;
  throw new XError('INPUT_MALFORMED', refused.join('\n'), {
    hint: `${target.id} needs ${refused.length === 1 ? 'it' : 'them'}: lock a released version, or the address of a wheel or an sdist.`,
  });
}

function directFile({ requirement, where }: InputRequirement, url: string): OfferedFile {
  const file = fileOf(new URL(url));
  if (file?.parsed.name === requirement.name) return { ...file, index: undefined };
  throw new XError(
    'INPUT_MALFORMED',
    `${where}:1: the address is not of ${requirement.name}: ${requirement.text}`,
    {
      hint: `Name the address of a file of ${requirement.name}, or correct the name before the @.`,
    },
  );
}
