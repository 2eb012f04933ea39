import { XError } from '../../domain/errors.js';
import { fieldOf, PackageVersion } from './package-version.js';

/** Fields that the archive takes from the package as they are, and that decide what can be installed. */
const DECIDING_FIELDS = [
  'Package',
  'Version',
  'Architecture',
  'Multi-Arch',
  'Essential',
  'Pre-Depends',
  'Depends',
  'Recommends',
  'Conflicts',
  'Breaks',
  'Provides',
] as const;

/**
 * Holds a .deb's control file against the stanza of the signed index.
 * @param control text, one character a byte.
 * @returns the version as the control file itself states it.
 * @throws XError METADATA_INVALID naming the field they disagree on.
 */
export function checkControl(
  control: string,
  stanza: PackageVersion,
  filename: string,
): PackageVersion {
  const body = control.replaceAll('\r\n', '\n').trimEnd();
  for (const field of DECIDING_FIELDS) {
    const [inside, listed] = [plain(fieldOf(body, field)), plain(stanza.field(field))];
    if (inside === listed) continue;
    throw new XError(
      'METADATA_INVALID',
      `${filename}: its control file has ${field}: ${inside.slice(0, 80) || '(none)'}, the index has ${listed.slice(0, 80) || '(none)'}`,
      { hint: 'The publisher’s index does not describe this file; report it there.' },
    );
  }
  return new PackageVersion(stanza.name, stanza.version, stanza.architecture, body, undefined);
}

/** A field's text with its whitespace made even; `no` is what an absent flag means. */
function plain(value: string | undefined): string {
  const text = (value ?? '').replace(/\s+/g, ' ').replace(/ ,/g, ',').trim();
  return text === 'no' ? '' : text;
}
