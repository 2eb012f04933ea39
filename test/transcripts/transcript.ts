/**
 * A transcript is what someone types, and all that is answered:
 *
 *     == what this section shows
 *     @ requirements.txt            a file, its lines behind "> "
 *     > x-alpha
 *     ~ {"path": "/pypi/", "status": 500}     a fault of the made-up upstream
 *     X_LISTEN=abc                  an environment variable, to the section's end
 *     $ x source -r requirements.txt --dry-run     `> FILE` behind it keeps what it prints
 *     Plan …                        standard output
 *     ! x: …                        standard error, after it
 *     [2]                           the exit code
 *
 * A line that begins with # is for the reader.
 */
export interface Section {
  title: string;
  steps: Step[];
}

export type Step =
  | { kind: 'remark'; line: string }
  | { kind: 'file'; path: string; lines: string[] }
  | { kind: 'fault'; json: string }
  | { kind: 'variable'; name: string; value: string }
  | { kind: 'command'; line: string; answer: string[] };

export function parseTranscript(text: string): Section[] {
  const sections: Section[] = [];
  for (const line of text.replace(/\n$/, '').split('\n')) {
    const title = /^== (.*)$/.exec(line)?.[1];
    if (title !== undefined) {
      sections.push({ title, steps: [] });
      continue;
    }
    const steps = sections.at(-1)?.steps ?? [];
    takeLine(steps, line);
  }
  return sections;
}

function takeLine(steps: Step[], line: string): void {
  const last = steps.at(-1);
  const variable = /^([A-Za-z_]+)=(.*)$/.exec(line);
  const isStep = /^(?:@|~|#) /.test(line) || variable !== null;
  const inAnswer =
    !isStep && last?.kind === 'command' && !/^\[\d+\]$/.test(last.answer.at(-1) ?? '');
  if (line.startsWith('$ ')) steps.push({ kind: 'command', line: line.slice(2), answer: [] });
  else if (inAnswer) last.answer.push(line);
  else if (line.startsWith('@ ')) steps.push({ kind: 'file', path: line.slice(2), lines: [] });
  else if (line.startsWith('> ') && last?.kind === 'file') last.lines.push(line.slice(2));
  else if (line.startsWith('~ ')) steps.push({ kind: 'fault', json: line.slice(2) });
  else if (variable) steps.push({ kind: 'variable', name: variable[1]!, value: variable[2]! });
  else steps.push({ kind: 'remark', line });
}

export function formatStep(step: Step): string[] {
  switch (step.kind) {
    case 'remark':
      return [step.line];
    case 'file':
      return [`@ ${step.path}`, ...step.lines.map((line) => `> ${line}`)];
    case 'fault':
      return [`~ ${step.json}`];
    case 'variable':
      return [`${step.name}=${step.value}`];
    case 'command':
      return [`$ ${step.line}`, ...step.answer];
  }
}
