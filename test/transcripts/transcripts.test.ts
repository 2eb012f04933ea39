import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startFixtures, type Fixtures } from '../../fixtures/upstream/fixtures.js';
import type { Fault } from '../../fixtures/upstream/server.js';
import { x, type XExit } from '../../fixtures/x-process.js';
import { formatStep, parseTranscript, type Section, type Step } from './transcript.js';

const FOLDER = fileURLToPath(new URL('../../../test/transcripts/', import.meta.url));
const PROJECT = fileURLToPath(new URL('../../../', import.meta.url)).replace(/\/$/, '');
const TARGET = 'linux/amd64/glibc2.36,python=3.12,node=22,debian=fixture';
const DEADLINE_MS = 60_000;

/** `X_UPDATE_TRANSCRIPTS=1` writes what is answered now; then read the difference. */
const isUpdate = process.env['X_UPDATE_TRANSCRIPTS'] !== undefined;

describe('transcripts', { concurrency: 3 }, () => {
  for (const file of globSync('*.txt', { cwd: FOLDER }).sort()) {
    describe(basename(file, '.txt'), { concurrency: 2 }, () => runFile(join(FOLDER, file)));
  }
});

async function runFile(path: string): Promise<void> {
  const sections = parseTranscript(await readFile(path, 'utf8'));
  const written = new Map<Section, string>();
  for (const section of sections) {
    test(section.title, async () => {
      const expected = section.steps.flatMap(formatStep);
      const lines = await playSection(section);
      written.set(section, [`== ${section.title}`, ...lines].join('\n'));
      if (!isUpdate) assert.equal(lines.join('\n'), expected.join('\n'));
      else if (written.size === sections.length)
        await writeFile(path, `${sections.map((one) => written.get(one)).join('\n')}\n`);
    });
  }
}

/** Plays a section in a folder of its own; answers its lines with what really came. */
async function playSection(section: Section): Promise<string[]> {
  const here = await mkdtemp(join(tmpdir(), 'x-transcript-'));
  const fixtures = await startFixtures(join(here, 'upstream'));
  try {
    const cwd = join(here, 'work');
    await mkdir(cwd);
    const env: Record<string, string> = {
      ...fixtures.allEnv,
      X_DATA: join(here, 'data'),
      HOME: here,
      X_HANDED_OVER: '1',
    };
    const lines: string[] = [];
    for (const step of section.steps) {
      lines.push(...formatStep(await playStep(step, { cwd, env, fixtures, here })));
    }
    return lines;
  } finally {
    await fixtures.close();
    await rm(here, { recursive: true });
  }
}

interface Stage {
  cwd: string;
  here: string;
  env: Record<string, string>;
  fixtures: Fixtures;
}

async function playStep(step: Step, { cwd, here, env, fixtures }: Stage): Promise<Step> {
  const { server } = fixtures;
  const filled = (text: string): string => text.replaceAll('{url}', server.url);
  switch (step.kind) {
    case 'file': {
      const path = join(cwd, step.path);
      await mkdir(dirname(path), { recursive: true });
      const text = step.lines.map((line) => `${filled(line)}\n`).join('');
      await writeFile(path, text.replaceAll('\\xff', '\u00ff'), 'latin1');
      return step;
    }
    case 'fault': {
      const fault = JSON.parse(step.json) as Fault;
      server.inject({ ...fault, path: new RegExp(String(fault.path)) });
      return step;
    }
    case 'variable':
      env[step.name] = filled(step.value);
      return step;
    case 'command': {
      const words = wordsOf(step.line).flatMap((word) => {
        if (word === '$UPSTREAM') return [...fixtures.allArgs, '--target', TARGET];
        return [filled(word)];
      });
      assert.equal(words.shift(), 'x', step.line);
      const to = words.at(-2) === '>' ? words.splice(-2).at(1) : undefined;
      const exit = await x(words, { cwd, env, deadlineMs: DEADLINE_MS });
      if (to !== undefined) await writeFile(join(cwd, to), exit.stdout);
      const shown = to === undefined ? exit : { ...exit, stdout: '' };
      return { ...step, answer: answerOf(shown, server.url, here) };
    }
    case 'remark':
      return step;
  }
}

function wordsOf(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|(\S+)/g)].map((match) => match[1] ?? match[2] ?? '');
}

function answerOf({ code, stdout, stderr }: XExit, url: string, here: string): string[] {
  const out = linesOf(stdout, url, here);
  const err = linesOf(stderr, url, here).map((line) => `! ${line}`);
  return [...out, ...err, `[${code}]`];
}

/** What differs from run to run, by its name. */
function linesOf(text: string, url: string, here: string): string[] {
  const plain = text
    .replaceAll(url, '{url}')
    .replaceAll(TARGET, '{target}')
    .replaceAll(`${here}/work/`, '')
    .replaceAll(here, '{here}')
    .replaceAll(PROJECT, '{project}')
    .replace(/did:key:z6Mk\w+/g, '{did}')
    .replace(/\b[0-9a-f]{128}\b/g, '{sha512}')
    .replace(/\b[0-9a-f]{64}\b/g, '{sha256}')
    .replace(/token=[\w-]{22}/g, 'token={token}')
    .replace(/\b[0-9a-f]{12}\b/g, '{id}')
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, '{time}')
    .replace(/\d{4}-\d\d-\d\d \d\d:\d\d\b/g, '{time}')
    .replace(
      /"(size|bytes|heldBytes|freeBytes|total|fetched|bytesPerSecond|etaSeconds)":( ?)\d+/g,
      '"$1":$2{n}',
    )
    .replace(/[\d.]+ [kMGT]?B free/g, '{size} free')
    .replace(/^\d+% of .*$/gm, '{progress}')
    .replace(/(\{progress\}\n)+/g, '{progress}\n');
  return plain === '' ? [] : plain.replace(/\n$/, '').split('\n');
}
