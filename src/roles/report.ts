import type { Settings } from '../config/settings.js';
import { diffBundles } from '../operations/diff-bundles.js';
import { reportHtml, type ReportedAdvisory } from '../operations/report-html.js';
import { findAffected, type Finding } from './advisories.js';
import { readOsvFiles } from './advisory-files.js';
import { openData } from './open-data.js';
import { formatBytes, type Printer } from './printer.js';
import { contentsOf } from './read-contents.js';
import { writeDocument } from './sbom.js';
import { VERSION } from './version.js';

export interface ReportInput {
  settings: Settings & { folder: string };
  printer: Printer;
  what: string;
  /** What it is compared with. */
  against: string | undefined;
  /** OSV files, and folders of them. */
  advisories: readonly string[];
  /** Standard output where undefined. */
  output: string | undefined;
}

/** `x report`: a bundle as a page that an approver reads, prints and signs. */
export async function runReport({ settings, printer, ...input }: ReportInput): Promise<void> {
  const data = await openData(settings.folder);
  try {
    const contents = await contentsOf(data, printer, input.what);
    const other = input.against && (await contentsOf(data, printer, input.against));
    const against = other
      ? { contents: other, difference: diffBundles(other.entries, contents.entries) }
      : undefined;
    const { advisories: read } = await readOsvFiles(input.advisories);
    const findings = findAffected(contents.entries, read).map(reported);
    const advisories = input.advisories.length === 0 ? undefined : { findings, read: read.length };
    const text = reportHtml({ contents, against, advisories, toolVersion: VERSION, formatBytes });
    if (input.output === undefined) {
      process.stdout.write(text);
      return;
    }
    await writeDocument(input.output, text);
    const { bundle, version } = contents;
    const { output } = input;
    const found = findings.map(({ id, purl, severity, fixed }) => ({ id, purl, severity, fixed }));
    printer.document({ bundle, version, output, advisories: found }, [
      `${output}: ${bundle}, version ${version}`,
      ...findings.map(({ purl, id, severity, fixed }) => {
        const mended =
          fixed === undefined ? 'no version that mends it is named' : `mended in ${fixed}`;
        return `${purl}: ${id}${severity === undefined ? '' : ` (${severity})`}, ${mended}`;
      }),
    ]);
  } finally {
    await data.close();
  }
}

function reported({ advisory, purl, fixed }: Finding): ReportedAdvisory {
  const { id, aliases, summary, severity, url } = advisory;
  return { id, aliases, summary, severity, url, purl, fixed };
}
