import { writeFile } from 'node:fs/promises';
import type { Settings } from '../config/settings.js';
import { messageOf, XError } from '../domain/errors.js';
import { cycloneDxOf } from '../operations/sbom-cyclonedx.js';
import { spdxOf } from '../operations/sbom-spdx.js';
import { openData } from './open-data.js';
import type { Printer } from './printer.js';
import { contentsOf } from './read-contents.js';
import { VERSION } from './version.js';

export interface SbomInput {
  settings: Settings & { folder: string };
  printer: Printer;
  what: string;
  format: 'cyclonedx' | 'spdx';
  /** Standard output where undefined. */
  output: string | undefined;
}

/** `x sbom`: a bundle's bill of materials. */
export async function runSbom({ settings, printer, ...input }: SbomInput): Promise<void> {
  const data = await openData(settings.folder);
  try {
    const contents = await contentsOf(data, printer, input.what);
    const make = input.format === 'spdx' ? spdxOf : cycloneDxOf;
    const text = make(contents, VERSION);
    if (input.output === undefined) {
      process.stdout.write(text);
      return;
    }
    await writeDocument(input.output, text);
    const packages = contents.entries.filter(({ kind }) => kind === 'package').length;
    const { bundle, version } = contents;
    const { format, output } = input;
    printer.document({ bundle, version, format, packages, output }, [
      `${output}: ${packages} packages of ${bundle}, version ${version}`,
    ]);
  } finally {
    await data.close();
  }
}

/** @throws XError IO_FAILED. */
export async function writeDocument(path: string, text: string): Promise<void> {
  if (path === '') throw new XError('USAGE', '-o needs the name of a file');
  try {
    await writeFile(path, text);
  } catch (cause) {
    throw new XError('IO_FAILED', `cannot write ${path}: ${messageOf(cause)}`, {
      hint: 'Name a file in a folder that is there and may be written.',
      cause,
    });
  }
}
